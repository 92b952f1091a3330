"""Questions about places: where something is, what is somewhere, and how two things lie to each other."""
import phrases as P
from talk import an, answer, in_place, spot, style_of


def where(rng, v):
    sure = [t for t in v.things if t["place"]]
    if not sure:
        return None
    t, style = rng.choice(sure), style_of(rng)
    name = v.name(rng, t)
    if len(v.things) == 1 and rng.random() < 0.3:
        name = rng.choice(("it", "the {obj}", "this {obj}") if t["kind"] == "shape" else ("it", "the text", "the writing"))
    if name is None:
        return None
    said = v.plain(t) if v.pair_unique(t) else "it"
    return P.dress(rng, P.WHERE, P.WHERE_INDIRECT, style, x=name), answer(style, t["place"], f"{said} is {in_place(t['place'])}."), "where"


def side(rng, v):
    """Left or right, top or bottom: either as a choice or as yes or no."""
    if not v.things:
        return None
    t, style, axis = rng.choice(v.things), style_of(rng), rng.choice("xy")
    name = v.name(rng, t)
    if name is None or abs(t[axis] - 0.5) < 0.13:
        return None
    pair = ("left", "right") if axis == "x" else ("top", "bottom")
    true = pair[t[axis] > 0.5]
    said = v.plain(t) if v.pair_unique(t) else "it"
    fact = f"{said} is {'on the' if axis == 'x' else 'at the'} {true}."
    if rng.random() < 0.5:
        a, b = rng.sample(pair, 2)
        at = "on" if axis == "x" else "at"
        q = P.dress(rng, (f"is {name} {at} the {a} or {at} the {b}", f"is {name} {at} the {a} or the {b}", f"{a} or {b}: where is {name}",
                          f"on which side is {name}, {a} or {b}", f"is {name} in the {a} half or the {b} half"), (), style)
        return q, answer(style, true, fact), "where"
    if t["place"] is None:
        return None
    asked = rng.choice(("left", "right", "top", "bottom", "middle"))
    yes = asked == t["place"] or (asked in t["place"].split() and asked != "middle")
    q = P.dress(rng, (f"is {name} " + rng.choice(P.AT[asked]),), (), style)
    truth = f"{said} is {in_place(t['place'])}."
    return q, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + truth), "where"


def at_place(rng, v):
    """What is in the top left corner?"""
    t = rng.choice(v.things) if v.things else None
    if t is None or len(v.things) < 2 and rng.random() < 0.7:
        return None
    phrase = spot(rng, v, t)
    if phrase is None or "obj" not in phrase or phrase.startswith(("the biggest", "the largest", "the smallest")) or "most" in phrase or "lowest" in phrase:
        return None
    style = style_of(rng)
    where_ = phrase.replace("the {obj} ", "")
    q = P.dress(rng, ("what is {w}", "what do you see {w}", "which {obj} is {w}", "what {obj} is {w}", "what can be seen {w}",
                      "what's {w}", "what is drawn {w}", "what is there {w}", "which {obj} do you see {w}"), (), style, w=where_)
    return q, answer(style, t["noun"], f"{an(t['colour'] + ' ' + t['noun'])}."), "where"


def related(rng, v):
    """What is to the left of the star?  Only where exactly one object is there."""
    if len(v.things) < 2:
        return None
    y, side_ = rng.choice(v.things), rng.choice(("left", "right", "above", "below"))
    axis, sign = ("x", -1) if side_ == "left" else ("x", 1) if side_ == "right" else ("y", -1) if side_ == "above" else ("y", 1)
    ahead = [u for u in v.things if u is not y and sign * (u[axis] - y[axis]) > 0.1]
    doubt = [u for u in v.things if u is not y and -0.02 < sign * (u[axis] - y[axis]) <= 0.1]
    name = v.name(rng, y)
    if len(ahead) != 1 or doubt or name is None:
        return None
    t, style, rel = ahead[0], style_of(rng), rng.choice(P.REL[side_])
    r = rng.random()
    if r < 0.2:
        if t["kind"] == "text":
            return None
        q = P.dress(rng, P.COLOUR, P.COLOUR_INDIRECT, style, x=f"the {{obj}} {rel} {name}")
        return q, answer(style, t["colour"], f"It is {t['colour']}."), "relation"
    q = P.dress(rng, P.RELATED, (), style, rel=rel, y=name)
    return q, answer(style, t["noun"], f"{an(t['colour'] + ' ' + t['noun'])}."), "relation"


def order(rng, v):
    """Is the star left of the circle?"""
    if len(v.things) < 2:
        return None
    a, b = rng.sample(v.things, 2)
    style, axis = style_of(rng), rng.choice("xy")
    na, nb = v.name(rng, a), v.name(rng, b)
    if na is None or nb is None or abs(a[axis] - b[axis]) < 0.12 or not v.pair_unique(a) or not v.pair_unique(b):
        return None
    pair = ("left", "right") if axis == "x" else ("above", "below")
    true = pair[a[axis] > b[axis]]
    fact = f"{v.plain(a)} is {P.REL[true][0]} {v.plain(b)}."
    if rng.random() < 0.35:
        p, q = rng.sample(pair, 2)
        question = P.dress(rng, (f"is {na} {P.REL[p][0]} or {P.REL[q][0]} {nb}", f"is {na} {p} or {q} {'of ' if axis == 'x' else ''}{nb}",
                                 f"on which side of {nb} is {na}, {p} or {q}" if axis == "x" else f"{p} or {q}: where is {na} compared with {nb}"), (), style)
        return question, answer(style, true, fact), "relation"
    asked = rng.choice(pair)
    question = P.dress(rng, ("is {a} {rel} {b}", "is {a} {rel} {b} in the {pic}", "does {a} lie {rel} {b}", "can {a} be found {rel} {b}"),
                       ("if {a} is {rel} {b}", "whether {a} is {rel} {b}"), style, a=na, b=nb, rel=rng.choice(P.REL[asked]))
    yes = asked == true
    return question, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + fact), "relation"
