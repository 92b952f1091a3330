"""Questions and answers about one scene, written from its caption and boxes alone.

Each maker takes (rng, view) and returns (question, answer, topic) or None where the scene does not
allow an unambiguous question.  Answers have two forms: one word when the question asks for it,
otherwise a sentence, and always the same sentence for the same facts.
"""
import math

import phrases as P
from world import COLOURS, SHAPES

COUNT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
PLURAL = {s: s + "s" for s in SHAPES} | {"cross": "crosses"}
ALIAS = {"circle": ("disc", "round shape"), "cross": ("plus sign", "plus"), "diamond": ("rhombus", "diamond shape"),
         "square": ("square shape",), "star": ("star shape",), "heart": ("heart shape",), "triangle": ("triangular shape",)}
ALIENS = ("cat dog car house tree person bird boat flower chair table horse man woman face fish ball phone bicycle "
          "bus hat mountain cloud child apple banana cup clock dragon train plane sun moon").split()


def an(noun):
    return ("an " if noun[0] in "aeiou" and not noun.startswith("one") else "a ") + noun


def row_column(x, y):
    """(column, row) by thirds; None within the doubtful margins."""
    def third(v, names):
        for low, high, name in ((-1, 0.315, names[0]), (0.365, 0.635, "middle"), (0.685, 2, names[1])):
            if low <= v <= high:
                return name
        return None
    return third(x, ("left", "right")), third(y, ("top", "bottom"))


def place_name(x, y):
    column, row = row_column(x, y)
    if column is None or row is None:
        return None
    if column == row == "middle":
        return "middle"
    return row if column == "middle" else column if row == "middle" else f"{row} {column}"


def in_place(name):
    return {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}.get(name, f"in the {name}")


class View:
    """The scene as a person would speak of it: names that single out each object."""

    def __init__(self, scene):
        self.scene, self.things = scene, []
        for o in scene["objects"]:
            t = {"colour": o["colour"], "x": o["x"] / scene["W"], "y": o["y"] / scene["H"], "kind": o["kind"],
                 "size": math.sqrt(o["w"] * o["h"])}
            if o["kind"] == "shape":
                t["noun"] = o["shape"]
            else:
                t["text"] = o["text"]
                t["noun"] = "number" if o["text"].isdigit() else "letter" if len(o["text"]) == 1 else "word"
            t["place"] = place_name(t["x"], t["y"])
            self.things.append(t)
        self.shapes = [t for t in self.things if t["kind"] == "shape"]
        self.texts = [t for t in self.things if t["kind"] == "text"]

    def unique(self, key, value):
        return sum(t[key] == value for t in self.things) == 1

    def pair_unique(self, t):
        return sum(u["noun"] == t["noun"] and u["colour"] == t["colour"] for u in self.things) == 1

    def name(self, rng, t, by=None):
        """'the circle', 'the red circle' or 'the red shape'; by='shape' hides the colour, by='colour' the shape."""
        ways = []
        if by != "colour" and self.unique("noun", t["noun"]):
            noun = t["noun"]
            if t["kind"] == "shape" and rng.random() < 0.05:
                noun = rng.choice(ALIAS[noun])
            if t["kind"] == "text" and rng.random() < 0.2 and len(self.texts) == 1:
                noun = rng.choice(("text", "writing", "character" if t["noun"] == "letter" else "text"))
            ways += [f"the {noun}"] * 3
        if by is None and self.pair_unique(t):
            ways += [f"the {t['colour']} {t['noun']}"] * 3
        if by != "shape" and t["kind"] == "shape" and self.unique("colour", t["colour"]):
            ways.append(f"the {grey(rng, t['colour'])} {rng.choice(P.OBJ)}")
            if by == "colour":
                ways.append(f"the {grey(rng, t['colour'])} one")
        return rng.choice(ways) if ways else None

    def plain(self, t):
        """The one fixed name used in answers."""
        return f"the {t['noun']}" if self.unique("noun", t["noun"]) else f"the {t['colour']} {t['noun']}"


def grey(rng, colour):
    return "gray" if colour == "grey" and rng.random() < 0.4 else colour


def style_of(rng):
    r = rng.random()
    return "word" if r < 0.42 else "full" if r < 0.52 else ""


def answer(style, word, sentence):
    return P.upper_first(word) if style == "word" else P.upper_first(sentence)


def colour(rng, v):
    if not v.things:
        return None
    t, style = rng.choice(v.things), style_of(rng)
    name = v.name(rng, t, "shape")
    if len(v.things) == 1 and rng.random() < 0.35:
        name = rng.choice(("it", "this {obj}", "the {obj}", "the {obj} in the {pic}", "this", "the thing you see", "the drawn {obj}"))
        if t["kind"] == "text":
            name = rng.choice(("it", "this", f"the {t['noun']}", "the text", "the writing"))
    elif len(v.things) > 1 and t["kind"] == "shape" and rng.random() < 0.4:
        name = spot(rng, v, t) or name
    if name is None:
        return None
    x = f"the {t['noun']}" if v.unique("noun", t["noun"]) else "it"
    return P.dress(rng, P.COLOUR, P.COLOUR_INDIRECT, style, x=name), answer(style, t["colour"], f"{x} is {t['colour']}."), "colour"


def spot(rng, v, t):
    """'the shape on the left': a name by place, where it singles the object out."""
    others = [u for u in v.things if u is not t]
    ways = []
    for side, sign, axis in (("left", -1, "x"), ("right", 1, "x"), ("top", -1, "y"), ("bottom", 1, "y")):
        if all(sign * (t[axis] - u[axis]) > 0.12 for u in others):
            near = sign * (t[axis] - 0.5) > 0.12
            ways.append({"left": "the leftmost {obj}", "right": "the rightmost {obj}", "top": "the topmost {obj}",
                         "bottom": "the lowest {obj}"}[side])
            if near and all(sign * (u[axis] - 0.5) < 0.1 for u in others):
                ways += ["the {obj} " + rng.choice(P.AT[side])] * 3
    if t["place"] and all(math.hypot(t["x"] - u["x"], t["y"] - u["y"]) > 0.25 and u["place"] != t["place"] for u in others):
        if " " in t["place"] or t["place"] == "middle":
            ways += ["the {obj} " + rng.choice(P.AT[t["place"]])] * 2
    sizes = [u["size"] for u in others]
    if len(v.shapes) > 1 and not v.texts:
        if t["size"] > 1.3 * max(sizes):
            ways += ["the biggest {obj}", "the largest {obj}"]
        if t["size"] < min(sizes) / 1.3:
            ways.append("the smallest {obj}")
    return rng.choice(ways) if ways else None


def shape(rng, v):
    if not v.shapes:
        return None
    t, style = rng.choice(v.shapes), style_of(rng)
    if len(v.things) == 1 and rng.random() < 0.6:
        q = P.dress(rng, P.ONLY_THING if style == "word" else P.ONLY_SHAPE, P.SHAPE_INDIRECT if rng.random() < 0.3 else (), style, x="it")
        return q, answer(style, t["noun"], f"it is {an(t['noun'])}."), "shape"
    if v.unique("colour", t["colour"]) and rng.random() < 0.4:
        q = P.dress(rng, P.M.SHAPE_BY_COLOUR, (), style, c=grey(rng, t["colour"]))
        return q, answer(style, t["noun"], f"it is {an(t['noun'])}."), "shape"
    name = (spot(rng, v, t) if rng.random() < 0.3 and len(v.things) > 1 else None) or v.name(rng, t, "colour")
    if name is None:
        return None
    return P.dress(rng, P.SHAPE, P.SHAPE_INDIRECT, style, x=name), answer(style, t["noun"], f"it is {an(t['noun'])}."), "shape"


def count(rng, v):
    style, r = style_of(rng), rng.random()
    if not v.shapes and rng.random() < 0.85:
        return None
    if r < 0.45 and not v.texts or len(v.shapes) < 2:
        noun = rng.choice(("shapes", "shapes", "figures", "geometric shapes") if v.texts else
                          ("shapes", "shapes", "objects", "objects", "things", "items", "figures", "symbols"))
        n, said = len(v.shapes), "shapes" if len(v.shapes) != 1 else "shape"
        asked = noun
    else:
        t = rng.choice(v.shapes)
        if r < 0.72:
            s = t["noun"] if rng.random() < 0.85 else rng.choice(SHAPES)
            n = sum(u["noun"] == s for u in v.shapes)
            asked, said = PLURAL[s], s if n == 1 else PLURAL[s]
        elif r < 0.92 and not v.texts:
            c = t["colour"] if rng.random() < 0.85 else rng.choice(COLOURS)
            n = sum(u["colour"] == c for u in v.shapes)
            asked, said = f"{grey(rng, c)} {rng.choice(('shapes', 'objects', 'things', 'figures'))}", f"{c} " + ("shape" if n == 1 else "shapes")
        else:
            c = t["colour"]
            n = sum(u["colour"] == c and u["noun"] == t["noun"] for u in v.shapes)
            asked, said = f"{c} {PLURAL[t['noun']]}", f"{c} " + (t["noun"] if n == 1 else PLURAL[t["noun"]])
    sentence = f"there {'is' if n == 1 else 'are'} {'no' if n == 0 else COUNT[n]} {said}."
    return P.dress(rng, P.HOW_MANY, P.HOW_MANY_INDIRECT, style, x=asked), answer(style, COUNT[n], sentence), "count"


def count_of(rng, v):
    """How many there are of one shape among others."""
    if len(v.shapes) < 2:
        return None
    s, style = rng.choice(v.shapes)["noun"], style_of(rng)
    n = sum(u["noun"] == s for u in v.shapes)
    sentence = f"there {'is' if n == 1 else 'are'} {COUNT[n]} {s if n == 1 else PLURAL[s]}."
    return P.dress(rng, P.HOW_MANY, P.HOW_MANY_INDIRECT, style, x=PLURAL[s]), answer(style, COUNT[n], sentence), "count"


def present(rng, v, wordings=P.PRESENT):
    style, yes, r = style_of(rng), rng.random() < 0.5, rng.random()
    nouns, colours = {t["noun"] for t in v.shapes}, {t["colour"] for t in v.shapes}
    pairs = {(t["colour"], t["noun"]) for t in v.shapes}
    plural = None
    if r < 0.3:
        pool = sorted(nouns) if yes else [s for s in SHAPES if s not in nouns]
        if not pool:
            return None
        s = rng.choice(pool)
        thing, plural = s, PLURAL[s]
        if rng.random() < 0.06:
            thing = rng.choice(ALIAS[s])
    elif r < 0.45:
        if v.texts:
            return None
        pool = sorted(colours) if yes else [c for c in COLOURS if c not in colours]
        c = rng.choice(pool) if pool else None
        if c is None:
            return None
        kind = rng.choice(("shape", "object", "thing", "figure"))
        thing, plural = f"{grey(rng, c)} {kind}", f"{c} {kind}s"
        s = f"{c} shape"
    elif r < 0.87:
        if yes and pairs:
            c, s = rng.choice(sorted(pairs))
        else:
            yes = False
            near = [(c, s) for c in sorted(colours) for s in SHAPES if (c, s) not in pairs]
            near += [(c, s) for s in sorted(nouns) for c in COLOURS if (c, s) not in pairs]
            far = [(rng.choice(COLOURS), rng.choice(SHAPES))]
            mixed = [(c, s) for c, s in near if c in colours and s in nouns]  # both are there, but not on one object
            r = rng.random()
            c, s = rng.choice(mixed if mixed and r < 0.55 else near if near and r < 0.85 else far)
            if (c, s) in pairs:
                return None
        thing, plural, s = f"{grey(rng, c)} {s}", f"{c} {PLURAL[s]}", f"{c} {s}"
    elif r < 0.93:
        s = rng.choice(("letter", "word", "number"))
        yes = any(t["noun"] == s for t in v.texts)
        if rng.random() < 0.4:
            yes, plural = bool(v.texts), "text"
            q = P.dress(rng, P.PRESENT_ANY, (), style, x=rng.choice(("text", "writing", "letters or words")))
            return q, answer(style, "yes" if yes else "no", "Yes, there is text." if yes else "No, there is no text."), "present"
        thing, plural = s, s + "s"
    else:
        s = rng.choice(ALIENS)
        thing, plural, yes = s, s + ("s" if s[-1] not in "shn" else ""), False
    if rng.random() < 0.2 and plural:
        q = P.dress(rng, P.PRESENT_ANY, (), style, x=plural)
    else:
        q = P.dress(rng, wordings, P.PRESENT_INDIRECT, style, a=an(thing))
    return q, answer(style, "yes" if yes else "no", f"Yes, there is {an(s)}." if yes else f"No, there is no {s}."), "present"
