"""Wordings: the banks of questions, and how a bare question is dressed up.

In the banks {pic} becomes picture/image/..., {col} colour/color, {obj} shape/object/..., and the
other braces are filled by talk.py.  An entry is a direct question; INDIRECT entries follow leads
such as "Can you tell me".
"""
import random
import re

import phrases_more as M

PIC = ("picture", "picture", "image", "image", "photo", "drawing", "scene", "pic", "illustration", "photograph")
COL = ("colour", "color")
OBJ = ("shape", "shape", "object", "object", "figure", "thing", "item", "form", "symbol")

LEADS = ("Can you tell me", "Could you tell me", "Please tell me", "Tell me", "I would like to know", "Do you know",
         "I want to know", "Could you please say", "Say", "Can you say", "Would you tell me", "Let me know",
         "Please say", "I wonder", "I'd like to know", "Can you work out", "Help me find out", "Please identify")
BEFORE = ("Look at the {pic}.", "Hi!", "Hello.", "Quick question:", "In this {pic},", "In the {pic},", "Please answer:",
          "Question:", "Looking at this {pic},", "Here is a {pic}.", "One question:", "Hey,", "OK,", "Based on the {pic},",
          "Take a look.", "Good morning!", "From the {pic},", "Consider this {pic}.", "Well,", "Now,", "So,", "About this {pic}:",
          "Here's my question:", "Look closely:", "Tell me please:", "I have a question:")
AFTER = ("Thanks.", "Thank you!", "Please.", "Look carefully.", "Thanks in advance.", "I am curious.", "Please look closely.",
         "I can't see it well.", "It is important.")
ONE_WORD = ("Answer in one word.", "Answer with one word.", "Answer with a single word.", "One word, please.",
            "One word only.", "Reply with one word.", "Just one word.", "Give a one-word answer.", "Use one word.",
            "Answer using a single word.", "Respond with a single word.", "Please answer in one word.", "Be brief.",
            "A single word will do.", "Answer with just one word.", "Keep it to one word.", "Short answer.",
            "Only one word, please.", "Reply in a single word.", "Answer as briefly as you can.", "No sentence, just the word.",
            "Respond in one word.", "Your answer should be one word.", "(one word)", "Say just the word.", "Answer briefly.")
FULL = ("Answer in a full sentence.", "Use a full sentence.", "Please answer in a complete sentence.",
        "Answer with a complete sentence.", "Reply in a whole sentence.", "Give a full sentence.", "In a full sentence, please.",
        "Write a sentence.", "Respond with a full sentence.", "Please use a whole sentence.", "Answer in a sentence.")

COLOUR = ("what {col} is {x}", "which {col} is {x}", "what is the {col} of {x}", "what {col} does {x} have",
          "which {col} does {x} have", "{x} is what {col}", "what's the {col} of {x}", "in what {col} is {x} drawn",
          "in which {col} is {x} painted", "what {col} has {x}", "what {col} was used for {x}", "{x} has which {col}",
          "how is {x} coloured", "what {col} would you say {x} is", "name the {col} of {x}", "give the {col} of {x}",
          "identify the {col} of {x}", "state the {col} of {x}", "{x}: which {col}", "what {col} do you see on {x}",
          "what is {x}'s {col}", "what {col} can be seen on {x}", "the {col} of {x} is", "describe the {col} of {x}")
COLOUR_INDIRECT = ("what {col} {x} is", "which {col} {x} is", "the {col} of {x}", "what {col} {x} has",
                   "which {col} {x} has", "what the {col} of {x} is", "what {col} was used for {x}")
SHAPE = ("what shape is {x}", "which shape is {x}", "what is the shape of {x}", "what kind of shape is {x}",
         "what is {x}", "what form does {x} have", "what shape does {x} have", "what type of shape is {x}", "what's the shape of {x}",
         "which geometric shape is {x}", "name the shape of {x}", "what sort of figure is {x}", "identify the shape of {x}",
         "{x} has which shape", "which form has {x}", "what do you call the shape of {x}", "which figure is {x}",
         "what would you call {x}", "{x} is what shape", "what geometric figure is {x}", "give the shape of {x}")
SHAPE_INDIRECT = ("what shape {x} is", "which shape {x} has", "the shape of {x}", "what {x} is", "what kind of shape {x} is",
                  "what form {x} has", "what the shape of {x} is")
ONLY_SHAPE = ("what shape is this", "which shape is it", "what shape do you see", "what shape is shown", "what shape is it",
              "what {obj} is this", "which {obj} do you see", "what figure is in the {pic}", "which shape does the {pic} show",
              "what shape is in the {pic}", "what kind of {obj} is shown", "name the shape", "name the {obj} you see", "what is this",
              "what's this", "which shape is drawn", "what shape has been drawn", "identify the shape", "what {obj} can be seen",
              "which figure is it", "can you name this shape", "do you recognise this shape", "what shape can you see",
              "which shape is this", "what geometric shape is this", "what shape appears in the {pic}", "tell me the shape")
# In one word these ask for the shape as well; as sentences they ask for a description.
ONLY_THING = ONLY_SHAPE + ("what is shown", "what is drawn here", "what is in the {pic}", "what do you see", "what is visible here",
                           "what does the {pic} show", "what is depicted", "what's in the {pic}", "what object is in the {pic}")
HOW_MANY = ("how many {x} are there", "how many {x} do you see", "how many {x} can you see", "how many {x} are in the {pic}",
            "how many {x} does the {pic} show", "count the {x}", "what is the number of {x}", "how many {x} are shown",
            "how many {x} are visible", "give the number of {x}", "how many {x} can be seen", "how many {x} are drawn",
            "please count the {x} in the {pic}", "what number of {x} is there", "how many {x}", "how many {x} can you count",
            "how many {x} have been drawn", "how many {x} appear in the {pic}", "how many {x} does it have", "number of {x}",
            "what is the total number of {x}", "how many {x} did they draw", "how many {x} are present", "can you count the {x}",
            "how many {x} does this {pic} contain", "what's the count of {x}", "how many {x} are on the {pic}")
HOW_MANY_INDIRECT = ("how many {x} there are", "how many {x} you see", "the number of {x}", "how many {x} are in the {pic}",
                     "how many {x} are drawn", "how many {x} you can count", "how many {x} the {pic} shows", "how many {x} are visible")
PRESENT = ("is there {a}", "do you see {a}", "can you see {a}", "is there {a} in the {pic}", "does the {pic} show {a}",
           "does the {pic} contain {a}", "is {a} visible", "is {a} shown", "can you find {a}", "does this {pic} have {a}",
           "is there {a} here", "do you notice {a}", "is {a} in the {pic}", "does the {pic} include {a}", "is {a} present",
           "can {a} be seen", "could you spot {a}", "is there {a} anywhere", "is there {a} to be seen", "do you spot {a}",
           "has the {pic} got {a}", "is there {a} drawn here", "does {a} appear in the {pic}", "would you say there is {a}")
PRESENT_INDIRECT = ("whether there is {a}", "if there is {a}", "if you see {a}", "whether {a} is in the {pic}", "if the {pic} has {a}",
                    "whether you can see {a}", "if {a} is visible", "whether the {pic} shows {a}")
PRESENT_ANY = ("are there any {x}", "do you see any {x}", "can you see any {x}", "are any {x} visible", "are there {x} in the {pic}",
               "does the {pic} have any {x}", "any {x} here", "does the {pic} contain {x}", "are there any {x} in the {pic}", "any {x}")
WHERE = ("where is {x}", "where in the {pic} is {x}", "in which part of the {pic} is {x}", "where do you see {x}",
         "what is the position of {x}", "where can {x} be found", "whereabouts is {x}", "where is {x} located",
         "at which place is {x}", "what is the location of {x}", "where can I find {x}", "where has {x} been drawn",
         "where does {x} appear", "where is {x} placed", "in what part of the {pic} is {x}", "where's {x}", "where should I look for {x}",
         "where is {x} positioned", "which part of the {pic} holds {x}", "{x} is where", "in which area of the {pic} is {x}",
         "describe the position of {x}", "where is {x} in the {pic}", "which corner or side is {x} in", "where does {x} sit")
WHERE_INDIRECT = ("where {x} is", "where {x} is in the {pic}", "in which part of the {pic} {x} is", "the position of {x}",
                  "where to find {x}", "where {x} is located", "where {x} can be found", "where you see {x}")
DESCRIBE = ("describe the {pic}", "describe this {pic}", "what do you see in the {pic}", "what can you see", "what is in this {pic}",
            "tell me about the {pic}", "give a description of the {pic}", "what does the {pic} show", "please describe what you see",
            "what is shown in the {pic}", "describe what is drawn", "write a caption for this {pic}", "caption this {pic}",
            "can you describe the {pic}", "what's in the {pic}", "what does this {pic} contain", "list what you see",
            "list everything in the {pic}", "describe the scene", "explain what is in this {pic}", "what is on the {pic}",
            "give me a short description", "summarise the {pic}", "describe the {pic} in detail", "what is going on in the {pic}")
LETTER = ("which letter is this", "what letter is this", "which letter is shown", "what letter do you see", "which letter do you see",
          "what letter is in the {pic}", "which letter is drawn", "read the letter", "name the letter", "which letter is written",
          "what is the letter", "what letter does the {pic} show", "which letter of the alphabet is this", "what letter can you see",
          "identify the letter", "which character is shown", "what character is this", "which letter is it", "what letter is written here",
          "what's the letter", "which letter appears here", "please read this letter", "tell me the letter", "what letter is it")
WORD = ("which word is this", "what word is shown", "what word is written", "which word do you see", "read the word", "what is the word",
        "what word is in the {pic}", "which word is written here", "what word does the {pic} show", "which word is shown",
        "what word can you read", "tell me the word", "which word can be seen", "what word is it", "identify the word",
        "what's the word", "please read this word", "which word appears in the {pic}", "what word do you see")
NUMBER = ("which number is this", "what number is shown", "what number is written", "which number do you see", "read the number",
          "what is the number", "what number is in the {pic}", "which number is written here", "what number does the {pic} show",
          "which number is shown", "what number can you read", "tell me the number", "which digits are shown", "what digits do you see",
          "what's the number", "please read this number", "which number appears in the {pic}", "what number do you see", "read the digits")
READ = ("what does it say", "what is written here", "what is written", "read the text", "what text is shown", "what text do you see",
        "what does the {pic} say", "what does the text say", "read it", "what can you read", "please read the text", "what is the text",
        "which text is in the {pic}", "what is written in the {pic}", "can you read this", "can you read the text", "what's written here",
        "what does it read", "transcribe the text", "read what is written", "what does the writing say", "read this for me",
        "what text appears here", "what text can you see", "what is printed here", "what does this say", "please read it aloud",
        "which characters are shown", "what text is in the {pic}", "read out the text")
BIGGER = ("which is {bigger}, {x} or {y}", "which one is {bigger}, {x} or {y}", "is {x} or {y} {bigger}", "what is {bigger}, {x} or {y}",
          "which of the two is {bigger}, {x} or {y}", "{x} or {y}: which is {bigger}", "between {x} and {y}, which is {bigger}",
          "who is {bigger}, {x} or {y}", "compare {x} and {y}: which is {bigger}", "which {obj} is {bigger}: {x} or {y}")
SAME = ("do {x} and {y} have the same {col}", "are {x} and {y} the same {col}", "is {x} the same {col} as {y}",
        "are {x} and {y} of the same {col}", "does {x} have the same {col} as {y}", "do {x} and {y} share a {col}",
        "is the {col} of {x} the same as the {col} of {y}", "are {x} and {y} equally coloured", "do {x} and {y} match in {col}")
RELATED = ("what is {rel} {y}", "which {obj} is {rel} {y}", "what do you see {rel} {y}", "what {obj} is {rel} {y}", "what lies {rel} {y}",
           "what is there {rel} {y}", "what is drawn {rel} {y}", "what can be seen {rel} {y}", "{rel} {y}, what is there",
           "what's {rel} {y}", "name the {obj} {rel} {y}", "which {obj} lies {rel} {y}", "what is placed {rel} {y}", "what is located {rel} {y}")
REL = {"left": ("to the left of", "left of", "on the left of", "on the left side of"),
       "right": ("to the right of", "right of", "on the right of", "on the right side of"),
       "above": ("above", "over", "on top of", "higher than"),
       "below": ("below", "under", "underneath", "beneath", "lower than")}
AT = {"left": ("on the left", "at the left", "on the left side", "on the left-hand side", "at the left edge", "to the left"),
      "right": ("on the right", "at the right", "on the right side", "on the right-hand side", "at the right edge", "to the right"),
      "top": ("at the top", "on top", "in the upper part", "at the top of the {pic}", "in the top part"),
      "bottom": ("at the bottom", "in the lower part", "at the bottom of the {pic}", "in the bottom part"),
      "middle": ("in the middle", "in the centre", "in the center", "at the centre", "in the middle of the {pic}", "in the center of the {pic}"),
      **{f"{a} {b}": (f"in the {a} {b}", f"in the {a} {b} corner", f"at the {a} {b}", f"in the {c} {b}", f"in the {c} {b} corner",
                      f"in the {a}-{b} corner", f"on the {a} {b}", f"{d} on the {b}")
         for a, c, d in (("top", "upper", "high up"), ("bottom", "lower", "down")) for b in ("left", "right")}}


COLOUR, SHAPE, HOW_MANY, PRESENT, WHERE = COLOUR + M.COLOUR, SHAPE + M.SHAPE, HOW_MANY + M.HOW_MANY, PRESENT + M.PRESENT, WHERE + M.WHERE
DESCRIBE, LETTER, WORD, NUMBER, READ = DESCRIBE + M.DESCRIBE, LETTER + M.LETTER, WORD + M.WORD, NUMBER + M.NUMBER, READ + M.READ
RELATED, BIGGER, SAME = RELATED + M.RELATED, BIGGER + M.BIGGER, SAME + M.SAME


def loosen(rng, q):
    """Small changes that leave the meaning alone: a swapped word, an aside, a slip of the finger."""
    words = q.split(" ")
    if rng.random() < 0.2:
        at = [i for i, w in enumerate(words) if w in M.SWAPS]
        if at:
            i = rng.choice(at)
            words[i] = rng.choice(M.SWAPS[words[i]])
    if rng.random() < 0.1 and len(words) > 3:
        words.insert(rng.choice((1, len(words), len(words))), rng.choice(M.ASIDES))
    if rng.random() < 0.03 and len(words) > 4:
        i = rng.randrange(len(words))
        w = words[i]
        if len(w) > 4 and w.isalpha() and w not in COLOUR_WORDS:
            k = rng.randrange(1, len(w) - 2)
            words[i] = w[:k] + w[k + 1] + w[k] + w[k + 2:] if rng.random() < 0.5 else w[:k] + w[k + 1:]
    return " ".join(words)


COLOUR_WORDS = {"red", "green", "blue", "yellow", "orange", "purple", "black", "white", "brown", "pink", "grey", "gray", "left", "right", "above", "below", "bigger", "smaller", "larger"}


def fill(rng, text, **values):
    """Fills the braces; {pic}, {col} and {obj} are drawn anew for each question."""
    values = {"pic": rng.choice(PIC), "col": rng.choice(COL), "obj": rng.choice(OBJ), **values}
    for _ in range(2):
        text = re.sub(r"\{(\w+)\}", lambda m: str(values.get(m.group(1), m.group(0))), text)
    return text


def upper_first(text):
    return text[:1].upper() + text[1:]


def dress(rng: random.Random, direct, indirect=(), style="", **values):
    """A full question from the banks: lead, prefix, suffix, style request, typing habits."""
    if indirect and rng.random() < 0.25:
        lead = rng.choice(LEADS)
        q = f"{lead} {loosen(rng, fill(rng, rng.choice(indirect), **values))}"
        mark = "?" if lead.startswith(("C", "Do", "W")) or rng.random() < 0.2 else "."
    else:
        q = loosen(rng, fill(rng, rng.choice(direct), **values))
        asks = re.match(r"(what|which|how|where|is|are|do|does|can|could|who|whereabouts|has|any|would|will|did|was|am|do|have|who|does|might|there|yes|true|see|if|of|out)\b", q)
        mark = "?" if asks or rng.random() < 0.3 else "."
    if rng.random() < 0.08:
        q += ", please" if rng.random() < 0.6 else " please"
    q += mark
    r = rng.random()
    if r < 0.22:
        before = fill(rng, rng.choice(BEFORE))
        q = f"{before} {q if before[-1] in ',:' else upper_first(q)}"
    elif r < 0.27:
        q = f"{q} {rng.choice(AFTER)}"
    q = upper_first(q)
    if style:
        ask = rng.choice(ONE_WORD if style == "word" else FULL)
        q = f"{ask} {q}" if rng.random() < 0.15 and ask[0] != "(" else f"{q} {ask}"
    r = rng.random()
    if r < 0.08:
        q = q.lower()
    elif r < 0.12:
        q = q.rstrip("?.")
    elif r < 0.13:
        q = q.upper()
    elif r < 0.16:
        q = q.replace("?", " ?") if rng.random() < 0.4 else q.replace("?", "??")
    return q
