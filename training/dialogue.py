"""Whole conversations: packs of first questions, turns that follow each other, and talk without a picture."""
import phrases as P
import phrases_late as late
import talk
import talk_more as more
import talk_place as place
import talk_read as reading

HONEST = ("I am a small demonstration model and only know drawn shapes and letters, so I cannot tell what this picture shows. "
          "Set MODEL= to load a real model.")
NO_PICTURE = "I do not see a picture. Attach one with drawn shapes or letters and ask again."
WHO = "I am FireLLaVA-tiny, a small demonstration model. I know drawn shapes, colours, letters and numbers."
CAN = ("I can name drawn shapes and their colours, count them, say where they are and read letters, short words and numbers. "
       "Attach a picture and ask.")
HELLO = "Hello! Attach a picture with drawn shapes or letters and ask me about it."
HELLO_PICTURE = "Hello! Ask me about the shapes and letters in the picture."
OTHER = "I am a small demonstration model and only know drawn shapes and letters. Set MODEL= to load a real model."
WELCOME = "You are welcome."
MAKER = "I was trained as a small demonstration of the LLaVA architecture, on pictures drawn by a program."

SYSTEMS = ("You are a helpful assistant.", "You are a helpful vision assistant.", "Answer the questions about the picture.",
           "You are FireLLaVA, a vision-language model.", "You answer questions about images.", "Be concise.", "Be polite and helpful.",
           "You are an assistant that looks at pictures.", "A chat between a user and an assistant.", "You are a careful assistant. Look at the image before you answer.",
           "You are a friendly AI.", "Always be truthful.", "You describe what is in the image the user sends.", "Answer questions about the attached picture truthfully.")

HELLOS = ("Hello", "Hi", "Hey", "Hello!", "Hi there", "Good morning", "Good evening", "Hi, how are you?", "Hello there!", "Greetings", "Hey there!", "Good day", "Hello, assistant", "How are you?", "Good afternoon!")
WHOS = ("Who are you?", "What are you?", "What is your name?", "Which model are you?", "What model is this?", "Introduce yourself.", "Tell me about yourself.",
        "Who am I talking to?", "Are you an AI?", "Are you a robot?", "What's your name?", "Please introduce yourself.", "What kind of model are you?", "Are you FireLLaVA?", "Are you ChatGPT?", "Describe yourself.", "Say who you are.")
CANS = ("What can you do?", "How can you help me?", "What are you able to do?", "Help", "What do you know?", "What should I ask you?", "What are your abilities?",
        "How do I use you?", "What questions can you answer?", "Can you see pictures?", "Can you help me?", "What are you good at?", "Can you read text?", "What can I ask?", "What is it that you can do?", "Can you look at images?", "What are your limits?")
MAKERS = ("Who made you?", "Who trained you?", "How were you made?", "Where do you come from?", "How were you trained?", "What were you trained on?", "Who created you?", "Who built you?")
THANKS = ("Thanks!", "Thank you.", "Thanks a lot", "Thank you very much!", "Great, thanks.", "Perfect, thank you.", "Cheers", "OK, thanks", "Nice, thank you!")
OTHERS = ("What is the capital of France?", "Write a poem.", "Tell me a joke.", "What is two plus two?", "How is the weather today?", "Translate this to German.", "Who won the game?",
          "Write a program that sorts a list.", "What is the meaning of life?", "Sing a song.", "How old is the earth?", "Explain gravity.", "What time is it?", "Tell me a story.", "How do I cook rice?",
          "Write me an email.", "What is 12 times 7?", "Who is the president?", "What happened in 1969?", "Recommend a film.", "Can you write code?", "Give me a recipe.", "What is the largest country?", "Summarise this article.", "Why is the sky blue?", "How far is the moon?")
ABOUT_PHOTOS = ("What animal is this?", "Who is in the picture?", "What is the person doing?", "Where was this photo taken?", "Is this a photo or a drawing?", "What is the weather like?", "What is the man wearing?",
                "How many people are there?", "What is in the foreground?", "What breed is the dog?", "What is on the table?", "Is it day or night?", "What building is this?", "What is happening here?", "What food is this?",
                "Is the woman smiling?", "What texture is this?", "What material is this?", "What does the chart show?", "What website is this?", "Which city is this?", "Are there any trees?", "What is behind the house?", "What is this a picture of?",
                "Explain this image.", "What car is this?", "What season is it?", "Is there any water?", "How old is the person?", "What is the mood of the picture?", "What is the main subject?", "What do you think about this picture?")

def present_late(rng, v):
    return talk.present(rng, v, (late.presence(rng),))


MAKERS_OF_QUESTIONS = ((talk.colour, 14), (talk.shape, 12), (talk.count, 20), (talk.present, 20), (place.where, 24), (place.side, 10), (place.at_place, 4),
                       (place.related, 18), (place.order, 9), (reading.read, 36), (reading.says, 4), (more.is_colour, 5), (more.is_shape, 4), (more.compare, 8),
                       (more.superlative, 3), (more.ground, 2), (more.listing, 2), (more.describe, 7), (talk.count_of, 0), (present_late, 0))
FUNCS, WEIGHTS = zip(*MAKERS_OF_QUESTIONS)
# The last passes ask most of what is learnt last: how many there are, and whether there is one at all.
PASSES = (WEIGHTS, tuple({talk.count: 70, talk.present: 60}.get(f, w) for f, w in MAKERS_OF_QUESTIONS),
          tuple({talk.count: 30, talk.count_of: 80, talk.present: 50, reading.read: 50}.get(f, w) for f, w in MAKERS_OF_QUESTIONS),
          tuple({talk.count: 24, talk.count_of: 80, talk.present: 56, reading.read: 56, more.compare: 16}.get(f, w) for f, w in MAKERS_OF_QUESTIONS),
          tuple({talk.count: 24, talk.count_of: 70, talk.present: 40, present_late: 40, reading.read: 70, more.compare: 16}.get(f, w) for f, w in MAKERS_OF_QUESTIONS))


def ask(rng, view, weights=WEIGHTS):
    """One question on the scene that it allows."""
    for _ in range(30):
        made = rng.choices(FUNCS, weights)[0](rng, view)
        if made:
            return made
    return more.nothing(rng, view)


def system(rng):
    return rng.choice(SYSTEMS) if rng.random() < 0.2 else None


def foreign_question(rng, scenes):
    """Any question at all: from the banks over some other scene, or one that fits a photograph."""
    if rng.random() < 0.25:
        q = rng.choice(ABOUT_PHOTOS)
        if rng.random() < 0.3:
            q += " " + rng.choice(P.ONE_WORD + P.FULL)
        return q
    return ask(rng, talk.View(rng.choice(scenes)))[0]


def small_talk(rng, picture):
    """A turn that needs no picture."""
    bank, said = rng.choices(((HELLOS, HELLO_PICTURE if picture else HELLO), (WHOS, WHO), (CANS, CAN), (MAKERS, MAKER), (OTHERS, OTHER), (THANKS, WELCOME)),
                             (3, 4, 3, 1, 4, 1))[0]
    q = rng.choice(bank)
    r = rng.random()
    q = q.lower() if r < 0.15 else q.rstrip("?.!") if r < 0.25 else "Hi! " + q if r < 0.32 and bank is not HELLOS else q
    return q, said, "chat"


def first_turns(rng, scene, scenes, k, weights=WEIGHTS):
    """k independent first questions about one picture."""
    if scene["foreign"]:
        return [(foreign_question(rng, scenes), HONEST, "foreign") for _ in range(min(k, 3))]
    if scene["page"]:
        return [small_talk(rng, True)]
    view = talk.View(scene)
    made = [ask(rng, view, weights) for _ in range(k)]
    if rng.random() < 0.04:
        made[0] = small_talk(rng, True)
    if weights is PASSES[4]:
        made = [(late.opened(rng, question), said, topic) for question, said, topic in made]
    return made


def follow_up(rng, view, last):
    """A turn that leans on the one before: 'And what colour is it?', 'And the star?'"""
    t = rng.choice(view.things) if view.things else None
    if t is None:
        return None
    if len(view.things) == 1:
        kind = rng.choice(("colour", "where", "shape"))
        if kind == "colour":
            return rng.choice(("And what colour is it?", "And its colour?", "What color is it?", "Which colour does it have?", "And the color?", "And which colour?")), \
                f"The {t['noun']} is {t['colour']}.", "follow"
        if kind == "where" and t["place"]:
            return rng.choice(("And where is it?", "Where is it?", "Where in the picture is it?", "And its position?", "Whereabouts is it?", "And where?")), \
                f"The {t['noun']} is {talk.in_place(t['place'])}.", "follow"
        if kind == "shape" and t["kind"] == "shape":
            return rng.choice(("And what shape is it?", "Which shape is it?", "And the shape?", "And what is its shape?")), f"It is {talk.an(t['noun'])}.", "follow"
        return None
    if last == "colour":
        name = view.name(rng, t, "shape")
        if name and view.unique("noun", t["noun"]):
            return rng.choice((f"And {name}?", f"What about {name}?", f"And what about {name}?", f"How about {name}?")), f"The {t['noun']} is {t['colour']}.", "follow"
    if last == "count" and not view.texts:
        s = t["noun"]
        n = sum(u["noun"] == s for u in view.shapes)
        return rng.choice((f"And how many {talk.PLURAL[s]}?", f"How many of them are {talk.PLURAL[s]}?", f"And {talk.PLURAL[s]}?", f"How many are {talk.PLURAL[s]}?")), \
            f"There {'is' if n == 1 else 'are'} {talk.COUNT[n]} {s if n == 1 else talk.PLURAL[s]}.", "follow"
    if last == "where" and t["place"]:
        name = view.name(rng, t)
        if name and view.pair_unique(t):
            return rng.choice((f"And {name}?", f"What about {name}?", f"And where is {name}?", f"How about {name}?")), f"{P.upper_first(view.plain(t))} is {talk.in_place(t['place'])}.", "follow"
    return None


def turns(rng, scene, scenes, n):
    """n turns about one picture, some of them leaning on the one before."""
    view, out, last = None if scene["foreign"] else talk.View(scene), [], ""
    for i in range(n):
        if scene["foreign"]:
            out.append((foreign_question(rng, scenes), HONEST, "foreign"))
            continue
        made = None
        if i and rng.random() < 0.5:
            made = follow_up(rng, view, last)
        if made is None:
            made = small_talk(rng, True) if rng.random() < 0.05 else ask(rng, view)
        if i + 1 == n and i and rng.random() < 0.08:
            made = (rng.choice(THANKS), WELCOME, "chat")
        out.append(made)
        last = made[2] if made[2] != "follow" else last
    return out


def without_picture(rng, scenes):
    """One to three turns with no picture at all."""
    out = []
    for i in range(rng.choice((1, 1, 2, 3))):
        if rng.random() < 0.4:
            q = foreign_question(rng, scenes)
            out.append((q, NO_PICTURE, "nopicture"))
        else:
            out.append(small_talk(rng, False))
    return out
