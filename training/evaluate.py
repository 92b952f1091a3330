"""Measures a checkpoint on the unseen world of unseen.py with wordings that are in no training bank.

    python evaluate.py --checkpoint ../inference/checkpoints/firellava-tiny --pictures 60
"""
import argparse
import json
import os
import random
import re
from collections import defaultdict

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

import draw
import unseen
from model import FireLlavaTiny, Shape, normalise
from packs import Codec, mask_of

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
# The wordings of the first trials went into phrases_more.py as a lesson; these were written afterwards.
# Their failures in turn led to about ten more wordings for naming a shape by its colour, so this is a development set.
ASK = {
    "colour": ("Please give me the colour you see on {x}.", "{X} appears to be which colour?", "If you had to name the color of {x}, what would it be?", "Just the color of {x}, please.",
               "Someone painted {x}. In which colour?", "Is {x} red, green, blue or some other colour?", "What's {x} coloured like?", "May I ask what colour {x} is?"),
    "shape": ("There is one {c} object. What shape is it?", "May I ask what the {c} shape is called?", "What would you call the {c} figure?", "Just the shape of the {c} object, please.", "The figure in {c} - what is it?",
              "Which shape did somebody colour {c}?", "Among the shapes, which one is {c}?", "What's the {c} shape?"),
    "present": ("Can {a} {s} be spotted in this one?", "Please check: is there {a} {s}?", "May I ask if there is {a} {s}?", "Does anything in the image look like {a} {s}?", "Is there at least one {s}?", "Did the artist include {a} {s}?",
                "Any chance of {a} {s} in this picture?", "{A} {s}: yes or no?"),
    "where": ("May I ask where {x} is?", "Which part of the picture should I look at to find {x}?", "Tell me the position of {x}, please.", "I'm looking for {x}. Where is it?", "{X} can be found where?", "Just the position of {x}, please.",
              "Where does one find {x}?", "Describe where {x} is."),
    "count": ("May I ask how many {p} there are?", "Just the number of {p}, please.", "How many {p} would you count?", "Count the {p} and tell me the result.", "Please tell me the exact number of {p}.", "There are how many {p}?",
              "In this image, the number of {p} is what?", "How many {p} are there in all?"),
    "letter": ("May I ask which letter it is?", "Just the letter, please.", "There is one letter. Which?", "What letter of the alphabet do you see?", "Which single letter is in this picture?", "Please name the letter shown here."),
    "word": ("May I ask which word it is?", "Just the word, please.", "There is one word. Which?", "What's the text in the image?", "What word has somebody written here?", "Please read out the word shown here."),
    "number": ("May I ask which number it is?", "Just the number, please.", "There is one number. Which?", "What number has somebody written here?", "Please read out the number shown here."),
    "relation": ("May I ask what is {r} {x}?", "What's the shape {r} {x}?", "Which object is positioned {r} {x}?", "Look at {x}. What is {r} it?", "Name the shape that is {r} {x}."),
    "bigger": ("May I ask which is bigger, {x} or {y}?", "Is it {x} or {y} that is larger?", "Which has the larger size, {x} or {y}?"),
    "same": ("May I ask if {x} and {y} are the same colour?", "Do {x} and {y} come in the same color?", "Is {x} coloured the same as {y}?"),
    "describe": ("May I ask what is in the picture?", "Please give a description of this image.", "Tell me about this picture.", "What can you tell me about the image?"),
    "foreign": ("What am I looking at?", "What colour is the square?", "How many objects are there?", "Please describe the image.", "Is there a circle?", "What does the text say?", "Who is in this picture?",
                "What is in the photo?", "Where is the triangle?", "Can you tell me what this is?"),
    "nopicture": ("What colour is the square?", "What is in the image?", "How many shapes do you see?", "Describe the picture."),
    "self": ("Hello, who are you?", "What are you able to do?", "Hi!", "Tell me who you are."),
}


def an(word):
    return "an" if word[0] in "aeiou" else "a"


def reserved():
    """The photographs kept away from training, and textures made in another way than foreign.py makes them."""
    import importlib.util
    sk = os.path.join(os.path.dirname(importlib.util.find_spec("skimage").origin), "data")
    sl = os.path.join(os.path.dirname(importlib.util.find_spec("sklearn").origin), "datasets", "images")
    out = [Image.open(p).convert("RGB") for p in [os.path.join(sk, n) for n in ("coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png", "camera.png")]
           + [os.path.join(sl, "flower.jpg")]]
    out += [im.crop((im.width // 5, im.height // 5, im.width * 4 // 5, im.height * 4 // 5)) for im in out]
    gen = np.random.default_rng(77)
    for i in range(8):
        spec = gen.normal(size=(160, 220, 3)) + 1j * gen.normal(size=(160, 220, 3))
        fy, fx = np.fft.fftfreq(160)[:, None], np.fft.fftfreq(220)[None]
        x = np.fft.ifft2(spec / (np.hypot(fy, fx * gen.uniform(.3, 3))[..., None] + .004) ** gen.uniform(.6, 2.2), axes=(0, 1)).real
        if i % 3 == 0:
            x = x.mean(2, keepdims=True).repeat(3, 2)
        x = (x - x.min()) / (x.max() - x.min())
        out.append(Image.fromarray((x * 255).astype(np.uint8)))
    return out


def cases(rng, n):
    """(topic, picture or None, question, test of the answer) -- n pictures for each of the main topics."""
    out = []

    def add(topic, img, values, ok):
        values = values | {k.upper(): v[0].upper() + v[1:] for k, v in values.items()}
        q = rng.choice(ASK[topic]).format(**values)
        out.append((topic if topic not in ("letter", "word", "number") else "read " + topic, img, q[0].upper() + q[1:] if rng.random() < .8 else q, ok))

    def has(word):
        return lambda a: re.search(rf"\b{re.escape(word)}(e?s)?\b", a.replace("gray", "grey"), re.I) is not None

    for _ in range(n):
        img, ts = unseen.shapes_picture(rng, rng.choice((1, 2, 3, 3, 4, 5, 6)))
        t = rng.choice(ts)
        add("colour", img, {"x": "the " + t["shape"]}, has(t["colour"]))
        t = rng.choice(ts)
        add("shape", img, {"c": t["colour"]}, has(t["shape"]))
        t, yes = rng.choice(ts), rng.random() < .5
        if rng.random() < .6:
            s = t["shape"] if yes else rng.choice([s for s in unseen.SHAPES if all(u["shape"] != s for u in ts)] or ["dog"])
            yes = yes or False
        else:
            c = t["colour"] if yes else rng.choice([c for c in unseen.SHADES if c != t["colour"]])
            s = f"{c} {t['shape']}"
        add("present", img, {"a": an(s), "s": s}, (lambda y: lambda a: a.lower().startswith("yes" if y else "no"))(yes))
        t = rng.choice(ts)
        add("where", img, {"x": rng.choice((f"the {t['shape']}", f"the {t['colour']} {t['shape']}"))},
            (lambda p: lambda a: set(re.findall(r"left|right|top|bottom|middle", a.lower())) == set(p.split()))(t["place"]))
        k = rng.randint(1, 6)
        same = rng.choice((None, None, rng.choice(unseen.SHAPES)))
        img, ts = unseen.shapes_picture(rng, k, same)
        p = rng.choice(("shapes", "objects")) if not same else {"cross": "crosses"}.get(same, same + "s") if rng.random() < .6 else "shapes"
        add("count", img, {"p": p}, has(NUMBERS[len(ts)]))
        kind = rng.choice(("letter", "word", "number", "letter", "word"))
        text = rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if kind == "letter" else rng.choice(unseen.WORDS) if kind == "word" else str(rng.randint(10, 999))
        img, _ = unseen.text_picture(rng, text)
        add(kind, img, {}, (lambda w: lambda a: re.search(rf"\b{w}\b", a) is not None)(text))
    for _ in range(n // 2):
        a, b = rng.choice((((0, 1), (2, 1)), ((1, 0), (1, 2)), ((0, 0), (2, 1)), ((0, 1), (1, 1))))
        img, ts = unseen.shapes_picture(rng, 2, None, [a, b])
        if len(ts) == 2:
            i = rng.randint(0, 1)
            t, ref = ts[i], ts[1 - i]
            r = rng.choice(("left of", "to the left of") if t["cell"][0] < ref["cell"][0] else ("right of", "to the right of")) if t["cell"][0] != ref["cell"][0] \
                else rng.choice(("above",) if t["cell"][1] < ref["cell"][1] else ("below", "under"))
            add("relation", img, {"r": r, "x": "the " + ref["shape"]}, has(t["shape"]))
            if max(t["size"], ref["size"]) > 1.4 * min(t["size"], ref["size"]):
                big = max(ts, key=lambda u: u["size"])
                add("bigger", img, {"x": "the " + ref["shape"], "y": "the " + t["shape"]}, has(big["shape"]))
            add("same", img, {"x": "the " + ref["shape"], "y": "the " + t["shape"]}, (lambda y: lambda a: a.lower().startswith("yes" if y else "no"))(t["colour"] == ref["colour"]))
            add("describe", img, {}, (lambda u: lambda a: all(w in a for x in u for w in (x["shape"], x["colour"])))(ts))
    for img in reserved():
        for q in rng.sample(ASK["foreign"], 2):
            out.append(("foreign", img, q, lambda a: "small demonstration model" in a))
    for q in ASK["nopicture"]:
        out.append(("no picture", None, q, lambda a: "do not see a picture" in a))
    for q in ASK["self"]:
        out.append(("self", None, q, lambda a: "model" in a or "I can name" in a or "Hello" in a))
    return out


class Reader:
    """Greedy answers from a checkpoint folder, many at once, without a key-value cache."""

    def __init__(self, folder):
        self.model = FireLlavaTiny(Shape()).eval()
        self.model.load_state_dict({k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()})
        self.codec = Codec(folder, self.model.shape.tokens)

    @torch.no_grad()
    def answer(self, items, most=44):
        """items: (picture or None, question), all with or all without a picture."""
        rows, codec = [], self.codec
        for img, q in items:
            head, _, _ = codec.conversation([("", "", "")], None, img is not None)
            ids = codec.encode(("USER: <image>\n" if img is not None else "USER: ") + q + "\n\nASSISTANT:")
            ids = [1] + (ids if img is None else [j for i in ids for j in ([i] if i != codec.image else [i] * codec.n)])
            rows.append(ids)
        images = None
        if items[0][0] is not None:
            pixels = np.stack([draw.preprocess(img, self.model.shape.image) for img, _ in items])
            images = self.model.features(normalise(torch.from_numpy(pixels)))
        at = rows[0].index(codec.image) if images is not None else 0
        done = [False] * len(rows)
        starts = [len(r) for r in rows]
        for _ in range(most):
            T = max(map(len, rows))
            ids = torch.full((len(rows), T), codec.pad)
            block = torch.full((len(rows), T), -1)
            for i, r in enumerate(rows):
                ids[i, :len(r)], block[i, :len(r)] = torch.tensor(r), 0
            hidden = self.model(ids, images, at, torch.arange(T).expand(len(rows), T), mask_of(block).float())
            nxt = self.model.logits(hidden[torch.arange(len(rows)), torch.tensor([len(r) - 1 for r in rows])]).argmax(-1).tolist()
            for i, t in enumerate(nxt):
                if not done[i]:
                    rows[i].append(t)
                    done[i] = t == 2
            if all(done):
                break
        return [codec.tok.decode(r[s:]).strip() for r, s in zip(rows, starts)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", default="../inference/checkpoints/firellava-tiny")
    p.add_argument("--pictures", type=int, default=60)
    p.add_argument("--seed", type=int, default=2026)
    p.add_argument("--batch", type=int, default=24)
    p.add_argument("--json", default="")
    p.add_argument("--failures", default="", help="a folder for the pictures that were answered wrongly")
    args = p.parse_args()
    reader, found = Reader(args.checkpoint), defaultdict(list)
    cases_left = cases(random.Random(args.seed), args.pictures)
    cases_left.sort(key=lambda c: (c[1] is None, c[0]))
    for group in (True, False):
        part = [c for c in cases_left if (c[1] is not None) == group]
        for i in range(0, len(part), args.batch):
            chunk = part[i:i + args.batch]
            for (topic, img, q, ok), said in zip(chunk, reader.answer([(c[1], c[2]) for c in chunk])):
                found[topic].append(bool(ok(said)))
                if not found[topic][-1]:
                    print(f"  wrong  {topic:12} {q!r} -> {said!r}")
                    if args.failures and img is not None:
                        os.makedirs(args.failures, exist_ok=True)
                        img.save(os.path.join(args.failures, f"{topic.replace(' ', '_')}_{len(found[topic])}.png"))
    table = {t: (sum(v), len(v)) for t, v in sorted(found.items())}
    for t, (good, all_) in table.items():
        print(f"{t:12} {good:4}/{all_:<4} {100 * good / all_:6.1f} %")
    if args.json:
        with open(args.json, "w") as f:
            json.dump(table, f, indent=1)


if __name__ == "__main__":
    main()
