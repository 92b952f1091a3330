"""Looser wordings: other verbs, other nouns, unfinished sentences, chatty asides.

Kept apart from phrases.py because they were added after a first look at which unseen wordings failed:
what was missing was not more of the same but other sentence shapes.
"""

COLOUR = ("what hue has {x}", "what tint does {x} have", "what shade is {x}", "{x}'s {col}", "{col} of {x}", "and {x}, what {col}", "{x}: {col}", "which {col} did someone choose for {x}",
          "what {col} do we have for {x}", "how would you name the {col} of {x}", "what {col} did the artist pick for {x}", "what's the hue of {x}", "the {col} {x} has been given is",
          "can you name the {col} of {x}", "could you name the {col} {x} has", "is there a name for the {col} of {x}", "i am looking for the {col} of {x}", "I need to know the {col} of {x}",
          "what {col} would {x} be", "what {col} has {x} been painted in", "with which {col} is {x} filled", "i wonder about the {col} of {x}", "what {col} is that of {x}", "what {col} did they use for {x}",
          "if you look at {x}, what {col} is it", "see {x}? what {col} is it", "there is {x}; what {col} is it", "my question is about {x}: what {col} is it", "{x} looks what {col}", "what does {x} look like in {col}")
SHAPE = ("{x}: what shape is it", "{x} - which shape", "shape of {x}", "and {x}, what shape", "{x} is a", "what do we have as {x}", "what exactly is {x}", "{x}: circle, star or something else",
         "{x}, is it a heart, a cross or what", "which of the shapes is {x}", "could you name {x}", "can you name {x}", "can you name the shape of {x}", "what might {x} be", "what would the shape of {x} be",
         "see {x}? what shape is it", "I need the shape of {x}", "I am looking for the name of {x}", "which geometric figure has been used for {x}", "what geometrical form has {x}", "what outline does {x} have",
         "what shape did they draw for {x}", "if you look at {x}, what shape is it", "there is {x}; what is it", "which form did the artist give {x}", "what does {x} look like", "classify {x}", "name {x}", "tell {x}'s shape")
# {c} is a colour: 'which figure is red'.
SHAPE_BY_COLOUR = ("what is {c}", "which {obj} is {c}", "what {obj} is {c}", "which shape is {c}", "what shape is {c}", "what has the {col} {c}", "which {obj} has the {col} {c}", "what is drawn in {c}",
                   "which figure is drawn in {c}", "which shape was painted {c}", "what kind of {obj} is {c}", "what sort of shape is coloured {c}", "what {obj} comes in {c}", "something is {c}: what is it",
                   "which geometric form is {c}", "what do you see in {c}", "name the {obj} in {c}", "what figure has been coloured {c}", "which {obj} did they paint {c}", "what did they draw in {c}",
                   "which {obj} did someone make {c}", "which shape has been filled with {c}", "what shape did the artist paint {c}", "of all the {obj}s, which is {c}", "which of the {obj}s is {c}",
                   "one of the {obj}s is {c}, which one", "one {obj} is {c}: what shape is it", "what shape do we see in {c}", "which shape did they make {c}", "what is the {c} {obj} called", "the {obj} that is {c}, what shape is it")
HOW_MANY = ("{x}: how many", "{x}: what number", "how many {x} do we have", "number of {x}", "and how many {x}", "the {x} - how many", "what is the amount of {x}", "how many {x} do I see here", "count up all the {x}",
            "could you count the {x} for me", "I need the number of {x}", "tell the number of {x}", "what would the count of {x} be", "how many {x} exist in the {pic}", "how many {x} were drawn", "how many {x} did someone draw",
            "how many {x} make up the {pic}", "how many {x} altogether", "in total, how many {x}", "how many {x} in total", "how many {x} are displayed", "what quantity of {x} do you see", "a count of the {x}", "how many {x} are on it",
            "sum up the {x}", "add up the {x}: how many", "what is the total of the {x}", "the number of {x} is", "if you count the {x}, how many", "how many {x} are in there", "how many {x} got drawn")
PRESENT = ("{a}: is it there", "is {a} there", "is it true that there is {a}", "would one find {a} here", "will I find {a} in the {pic}", "does it contain {a}", "does it show {a}", "does it have {a}", "has someone drawn {a}",
           "did they draw {a}", "was {a} drawn", "check whether there is {a}", "check for {a}", "look for {a}: is it there", "is there maybe {a}", "might there be {a}", "is {a} among the shapes", "is {a} to be found",
           "is {a} included", "am I right that there is {a}", "there is {a}, right", "there's {a} here, isn't there", "do we have {a} here", "do we see {a}", "can one see {a}", "can anyone see {a}", "does {a} show up",
           "has {a} been drawn", "yes or no: is there {a}", "true or false: there is {a}", "is there {a}, yes or no", "say yes or no: do you see {a}", "is {a} displayed", "I am searching for {a}, is there one", "is there something like {a}")
WHERE = ("{x}: where", "{x} - where is it", "position of {x}", "the place of {x}", "location of {x} in the {pic}", "and where is {x}", "where exactly do you see {x}", "where about is {x}", "where did someone draw {x}", "where was {x} put",
         "in what place is {x}", "what spot is {x} in", "at what spot do you see {x}", "where would I look for {x}", "show me where {x} is", "point out {x}", "direct me to {x}", "which region holds {x}", "what area is {x} in",
         "which side is {x} on", "in which corner is {x}", "locate {x}", "locate {x} for me", "please find {x}", "find {x}: where is it", "see {x}? where is it", "I need the position of {x}", "I cannot find {x}, where is it",
         "where in the frame is {x}", "where on the canvas is {x}", "what place does {x} have", "where is {x} to be found", "can you locate {x}", "could you find {x} for me", "{x} sits where", "{x} is in which place")
DESCRIBE = ("what is here", "what do we see here", "what do we have here", "please describe", "describe", "what does it show", "tell me what is there", "say what you see", "what all is in the {pic}", "what can be seen here",
            "what would you say about this {pic}", "how would you describe this {pic}", "put the {pic} into words", "what has been drawn", "explain the {pic}", "give me a caption", "a short caption please", "what are we looking at",
            "what am I looking at", "what is displayed", "tell me everything you see", "which things are in the {pic}", "report what you see", "what's here", "what is to be seen")
LETTER = ("the letter is", "which letter has someone drawn", "letter", "which letter", "what letter", "what would this letter be", "what is this letter", "can you name this letter", "could you name the letter", "I need the letter", "which letter is displayed",
          "which letter is this one", "what letter did they draw", "what letter is on it", "which letter do we have here", "can you read this letter", "could you read the letter for me", "what does the letter say", "which sign is this",
          "what letter has been written", "this is the letter", "what symbol of the alphabet is it", "what letter is here", "name the character", "spell it", "recognise the letter", "what letter stands here")
WORD = ("the word is", "word", "which word", "what word", "what would this word be", "what is this word", "can you read this word", "could you read the word for me", "I need the word", "which word is displayed", "what word did they write",
        "what word is on it", "which word do we have here", "what word has been drawn", "what word stands here", "which word is this one", "what word is here", "recognise the word", "this is the word", "what word is printed here")
NUMBER = ("the number is", "number", "which number", "what number", "what would this number be", "what is this number", "can you read this number", "could you read the number for me", "I need the number", "which number is displayed", "what number did they write",
          "what number is on it", "which number do we have here", "what number has been drawn", "what number stands here", "which number is this one", "what figure do you read", "recognise the number", "what number is printed here")
READ = ("read", "read this", "read that", "read it for me", "read it aloud", "what is it saying", "what stands here", "what stands there", "what has been written", "what did they write", "what did someone write here", "what is the inscription",
        "what does the inscription say", "tell me what you can read", "can you make out the text", "could you read it", "what is on the sign", "what does the label say", "the text is", "I cannot read it, what does it say", "write down what you read",
        "copy the text", "repeat the text", "what text has been drawn", "what is displayed as text", "what are the characters", "which text do you read", "please transcribe it", "make out the writing")
RELATED = ("{rel} {y}: what is there", "what did they draw {rel} {y}", "what has been put {rel} {y}", "tell me what {obj} is {rel} {y}", "what sits {rel} {y}", "which {obj} sits {rel} {y}", "what appears {rel} {y}", "which {obj} appears {rel} {y}",
           "what do we find {rel} {y}", "which {obj} has been drawn {rel} {y}", "what stands {rel} {y}", "which shape stands {rel} {y}", "what kind of {obj} is {rel} {y}", "what figure is {rel} {y}", "look {rel} {y}: what do you see",
           "there is something {rel} {y}, what is it", "which {obj} can be seen {rel} {y}", "what {obj} do you find {rel} {y}", "if you look {rel} {y}, what is there", "what is the {obj} {rel} {y}", "name what is {rel} {y}")
BIGGER = ("which is the {bigger} one, {x} or {y}", "{x} and {y}: which one is {bigger}", "out of {x} and {y}, which is {bigger}", "which one looks {bigger}, {x} or {y}", "of the two, {x} and {y}, which is {bigger}", "{x}, {y}: which is {bigger}",
          "what looks {bigger}, {x} or {y}", "which was drawn {bigger}: {x} or {y}", "does {x} or {y} look {bigger}", "comparing {x} with {y}, which is {bigger}", "{x} versus {y}: which is {bigger}")
SAME = ("{x} and {y}: same {col}", "is it the same {col} for {x} and {y}", "was the same {col} used for {x} and {y}", "have {x} and {y} the same {col}", "do {x} and {y} look the same {col}", "are {x} and {y} alike in {col}",
        "did they paint {x} and {y} in the same {col}", "are {x} and {y} equal in {col}", "is the {col} of {x} equal to that of {y}", "{x} and {y} have one {col}, right", "are both {x} and {y} of one {col}")

# Asides that may stand in a question without changing it.
ASIDES = ("exactly", "actually", "really", "then", "for me", "in there", "over there", "here", "now", "by the way", "if you can", "again", "in your opinion", "right now", "do you think", "would you say", "my friend", "just", "maybe")
# Words that may stand for each other.
SWAPS = {"shown": ("displayed", "depicted", "presented", "pictured", "visible"), "drawn": ("sketched", "painted", "depicted", "displayed", "placed", "put"), "see": ("notice", "spot", "make out", "find", "recognise", "observe"),
         "tell": ("show", "inform", "tell"), "visible": ("to be seen", "shown", "there"), "contain": ("hold", "include", "have"), "written": ("printed", "displayed", "shown", "drawn", "lettered"),
         "picture": ("graphic", "artwork", "sketch", "frame", "canvas", "file", "upload", "screenshot"), "image": ("graphic", "figure", "frame", "file", "attachment")}
