"""Openings and verbs of the fourth last pass: how people lead up to a question, composed from parts, so that the opening comes to mean nothing."""
import phrases as P

LOOKING = ("studying", "checking", "examining", "inspecting", "glancing at", "viewing", "scanning", "going through", "considering", "taking in")
WHAT = ("the {pic}", "this {pic}", "it", "all of it", "everything drawn", "what is here", "each part of the {pic}")
ADVERBS = ("honestly", "in your view", "in your opinion", "as far as you can tell", "at first sight", "on a second look", "to your eye", "out of curiosity", "all in all",
           "judging by the {pic}", "going by the {pic}", "from what is drawn", "in this one", "now", "next", "well then", "one more thing", "for my notes", "before we go on",
           "just to be sure", "help me out", "be so kind", "quickly", "take your time", "think first", "a small question", "my question is this", "here is a question")
VERBS = ("make out", "detect", "recognise", "discern", "discover", "locate", "identify", "observe", "perceive", "pick out", "get to see")
ASKING = ("do you", "can you", "did you", "could you", "are you able to", "would you", "will you", "might you")
ENDS = ("", "", "", " somewhere", " at all", " in there", " among these", " on this {pic}", " within the {pic}")


def opening(rng):
    r = rng.random()
    if r < 0.5:
        before = rng.choice(("after ", "having finished ", "when ", "on ", "by ", "while ", "", "", "once done ", "upon "))
        said = before + rng.choice(LOOKING) + " " + rng.choice(WHAT) + rng.choice(("", "", "", " carefully", " closely", " again", " slowly", " in full"))
    elif r < 0.6:
        said = rng.choice(("if you ", "when you ", "as you ", "suppose you ")) + rng.choice(VERBS) + " " + rng.choice(WHAT)
    else:
        said = rng.choice(ADVERBS)
    return P.upper_first(P.fill(rng, said)) + rng.choice((",", ",", ",", ":", "."))


def opened(rng, question):
    """The question, one time in three with an opening before it."""
    if rng.random() > 0.34 or question.isupper():
        return question
    start = opening(rng)
    lower = start[-1] != "." and question[1:2].islower()
    return f"{start} {question[0].lower() + question[1:] if lower else question}"


def presence(rng):
    """'can you make out {a} in there', composed."""
    return f"{rng.choice(ASKING)} {rng.choice(VERBS)} {{a}}{rng.choice(ENDS)}"
