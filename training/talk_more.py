"""More questions about a scene: yes/no about a property, comparisons, lists, descriptions."""
import phrases as P
from talk import COUNT, PLURAL, an, answer, grey, in_place, spot, style_of
from world import COLOURS, SHAPES


def is_colour(rng, v):
    """Is the circle red?  Is it red or blue?"""
    if not v.things:
        return None
    t, style, yes = rng.choice(v.things), style_of(rng), rng.random() < 0.5
    name = "it" if len(v.things) == 1 and rng.random() < 0.3 else v.name(rng, t, "shape")
    if name is None:
        return None
    said = f"the {t['noun']}" if v.unique("noun", t["noun"]) else "it"
    other = rng.choice([c for c in COLOURS if c != t["colour"]])
    if rng.random() < 0.35:
        a, b = rng.sample((t["colour"], other), 2)
        q = P.dress(rng, ("is {x} {a} or {b}", "what is the {col} of {x}, {a} or {b}", "{a} or {b}: what {col} is {x}"),
                    ("if {x} is {a} or {b}", "whether {x} is {a} or {b}"), style, x=name, a=a, b=b)
        return q, answer(style, t["colour"], f"{said} is {t['colour']}."), "colour"
    c = grey(rng, t["colour"] if yes else other)
    q = P.dress(rng, ("is {x} {c}", "is the {col} of {x} {c}", "does {x} look {c}", "would you say {x} is {c}", "is {x} drawn in {c}"),
                ("if {x} is {c}", "whether {x} is {c}"), style, x=name, c=c)
    return q, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + f"{said} is {t['colour']}."), "colour"


def is_shape(rng, v):
    if not v.shapes:
        return None
    t, style, yes = rng.choice(v.shapes), style_of(rng), rng.random() < 0.5
    name = "it" if len(v.things) == 1 and rng.random() < 0.4 else v.name(rng, t, "colour") or spot(rng, v, t)
    if name is None:
        return None
    other = rng.choice([s for s in SHAPES if s != t["noun"]])
    if rng.random() < 0.35:
        a, b = rng.sample((t["noun"], other), 2)
        q = P.dress(rng, ("is {x} a {a} or a {b}", "what is {x}, a {a} or a {b}", "a {a} or a {b}: what is {x}"),
                    ("if {x} is a {a} or a {b}",), style, x=name, a=a, b=b)
        return q, answer(style, t["noun"], f"it is {an(t['noun'])}."), "shape"
    q = P.dress(rng, ("is {x} a {s}", "does {x} have the shape of a {s}", "would you call {x} a {s}", "is the shape of {x} a {s}"),
                ("if {x} is a {s}", "whether {x} is a {s}"), style, x=name, s=t["noun"] if yes else other)
    return q, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + f"it is {an(t['noun'])}."), "shape"


def compare(rng, v):
    """Which is bigger?  Same colour?"""
    if len(v.shapes) < 2:
        return None
    a, b = rng.sample(v.shapes, 2)
    style = style_of(rng)
    na, nb = v.name(rng, a), v.name(rng, b)
    if na is None or nb is None or not (v.pair_unique(a) and v.pair_unique(b)):
        return None
    if rng.random() < 0.5:
        same = a["colour"] == b["colour"]
        na, nb = v.name(rng, a, "shape"), v.name(rng, b, "shape")
        if na is None or nb is None:
            return None
        fact = f"both are {a['colour']}." if same else f"the {a['noun']} is {a['colour']} and the {b['noun']} is {b['colour']}."
        q = P.dress(rng, P.SAME, ("whether {x} and {y} have the same {col}", "if {x} and {y} are the same {col}"), style, x=na, y=nb)
        return q, answer(style, "yes" if same else "no", ("Yes, " if same else "No, ") + fact), "same"
    if max(a["size"], b["size"]) < 1.35 * min(a["size"], b["size"]):
        return None
    up = rng.random() < 0.65
    win = (a if (a["size"] > b["size"]) == up else b)
    word = rng.choice(("bigger", "larger", "greater in size") if up else ("smaller", "smaller", "less big"))
    fixed = "bigger" if up else "smaller"
    if rng.random() < 0.35:
        yes = win is a
        q = P.dress(rng, ("is {x} {w} than {y}", "is {x} {w} than {y} in the {pic}"), ("if {x} is {w} than {y}", "whether {x} is {w} than {y}"),
                    style, x=na, y=nb, w=word.split()[0] if word[0] != "l" or word == "larger" else "smaller")
        fact = f"{v.plain(win)} is {fixed}."
        return q, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + fact), "bigger"
    q = P.dress(rng, P.BIGGER, (), style, x=na, y=nb, bigger=word)
    short = win["noun"] if v.unique("noun", win["noun"]) else f"{win['colour']} {win['noun']}"
    return q, answer(style, short, f"{v.plain(win)} is {fixed}."), "bigger"


def superlative(rng, v):
    if len(v.shapes) < 2 or v.texts:
        return None
    ordered = sorted(v.shapes, key=lambda t: t["size"])
    big = rng.random() < 0.65
    t, nxt = (ordered[-1], ordered[-2]) if big else (ordered[0], ordered[1])
    if max(t["size"], nxt["size"]) < 1.3 * min(t["size"], nxt["size"]):
        return None
    style, w = style_of(rng), rng.choice(("biggest", "largest") if big else ("smallest", "smallest", "littlest"))
    q = P.dress(rng, ("which {obj} is the {w}", "which {obj} is {w}", "what is the {w} {obj}", "which is the {w} {obj}", "what's the {w} {obj} in the {pic}"),
                ("which {obj} is the {w}", "what the {w} {obj} is"), style, w=w)
    short = t["noun"] if v.unique("noun", t["noun"]) else f"{t['colour']} {t['noun']}"
    return q, answer(style, short, f"{v.plain(t)} is the {'biggest' if big else 'smallest'}."), "bigger"


def ground(rng, v):
    c = v.scene["bg"]["colour"]
    if c is None:
        return None
    style = style_of(rng)
    x = rng.choice(("the background", "the background of the {pic}", "the backdrop", "the background"))
    return P.dress(rng, P.COLOUR[:8], P.COLOUR_INDIRECT[:3], style, x=x), answer(style, c, f"The background is {c}."), "ground"


def listed(words):
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def listing(rng, v):
    """Which colours, which shapes."""
    if not 1 <= len(v.shapes) <= 4 or v.texts:
        return None
    key = rng.choice(("colour", "noun"))
    seen = list(dict.fromkeys(t[key] for t in sorted(v.shapes, key=lambda t: t["x"])))
    what = rng.choice(("colours", "colors")) if key == "colour" else rng.choice(("shapes", "figures"))
    q = P.dress(rng, (f"which {what} do you see", f"what {what} are in the {{pic}}", f"which {what} are there", f"list the {what}",
                      f"what {what} can you see", f"name the {what}", f"which {what} are used", f"name all {what}"), ())
    return q, P.upper_first(f"I see {listed(seen)}." if key == "colour" else f"I see {listed([an(s) if sum(t['noun'] == s for t in v.shapes) == 1 else PLURAL[s] for s in seen])}."), "list"


def describe(rng, v):
    q = P.dress(rng, P.DESCRIBE, ("what you see", "what is in the {pic}", "what the {pic} shows"))
    style = rng.choice(("", "", "", "full", "short"))
    if style:
        q += " " + rng.choice(P.FULL if style == "full" else ("Be brief.", "Keep it short.", "Briefly.", "In one sentence.", "One sentence."))
    return q, "The picture shows " + caption(v) + ".", "describe"


def caption(v):
    """One fixed caption per scene: what and, for few things, where."""
    if not v.things:
        return "an empty background"
    ordered = sorted(v.things, key=lambda t: t["x"])
    parts = []
    for t in ordered:
        part = an(f"{t['colour']} {t['noun']}") if t["kind"] == "shape" else f"the {t['noun']} {t['text']} in {t['colour']}"
        if len(ordered) <= 3 and t["place"]:
            part += f" {in_place(t['place'])}"
        parts.append(part)
    if len(ordered) > 3:
        return f"{COUNT[len(ordered)]} {'things' if v.texts else 'shapes'}: {listed(parts)}"
    return listed(parts)


def nothing(rng, v):
    """An empty picture."""
    q = P.dress(rng, P.ONLY_SHAPE + P.READ[:6] + P.DESCRIBE[:6], ())
    return q, "The picture shows an empty background.", "empty"
