"""Questions about letters, words and numbers."""
import phrases as P
from talk import answer, style_of
from world import WORDS


def read(rng, v):
    if not v.texts:
        return None
    t, style = rng.choice(v.texts), style_of(rng)
    bank = {"letter": P.LETTER, "word": P.WORD, "number": P.NUMBER}[t["noun"]]
    tail = ""
    if len(v.texts) == 2:
        u = [x for x in v.texts if x is not t][0]
        if abs(t["x"] - u["x"]) < 0.15:
            return None
        left = t["x"] < u["x"]
        tail = " " + rng.choice(P.AT["left" if left else "right"])
        if t["noun"] == u["noun"] and rng.random() < 0.5 and t["colour"] != u["colour"]:
            return P.dress(rng, (f"what {t['noun']} is {t['colour']}", f"which {t['noun']} is {t['colour']}", f"read the {t['colour']} {t['noun']}",
                                 f"what does the {t['colour']} text say"), (), style), reading(style, t, False), "read"
        q = P.dress(rng, (f"which {t['noun']} is{tail}", f"what {t['noun']} is{tail}", f"read the {t['noun']}{tail}", f"what is written{tail}"), (), style)
        return q, reading(style, t, False), "read"
    generic = rng.random() < 0.4 and t["text"] not in "0OIl1"
    indirect = ("what it says", "what is written", "what the text says", "what is written here") if generic else \
        (f"which {t['noun']} this is", f"what the {t['noun']} is", f"which {t['noun']} you see", f"what {t['noun']} is shown")
    return P.dress(rng, P.READ if generic else bank, indirect, style), reading(style, t, generic), "read"


def reading(style, t, generic):
    if style == "word":
        return t["text"]
    if generic:
        return f"It says {t['text']}."
    return f"It is the letter {t['text']}." if t["noun"] == "letter" else f"The {t['noun']} is {t['text']}."


def says(rng, v):
    """Is it the letter K?  Does it say LAMP?"""
    if len(v.texts) != 1:
        return None
    t, style, yes = v.texts[0], style_of(rng), rng.random() < 0.5
    said = t["text"]
    if not yes:
        said = rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") if t["noun"] == "letter" else str(rng.randint(10, 999)) if t["noun"] == "number" else rng.choice(WORDS)
        if said.lower() == t["text"].lower():
            return None
    bank = (f"is this the {t['noun']} {said}", f"does it say {said}", f"is the {t['noun']} {said}", f"is it the {t['noun']} {said}")
    q = P.upper_first(rng.choice(bank)) + "?"
    if style:
        q += " " + rng.choice(P.ONE_WORD if style == "word" else P.FULL)
    tail = f"it is the letter {t['text']}." if t["noun"] == "letter" else f"the {t['noun']} is {t['text']}."
    return q, answer(style, "yes" if yes else "no", ("Yes, " if yes else "No, ") + tail), "says"
