"""Writes the model card from the logs and the table of evaluate.py.

    python card.py --logs build/stage[1-8].csv --table build/table.json --out build/card.md
"""
import argparse
import csv
import json

HEAD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
language: en
---

# FireLLaVA-tiny

A small but real LLaVA: it looks at a picture and answers questions about drawn shapes, colours, letters, short words and numbers.
It exists so that a gateway for vision-language models can be run, tested and measured end to end in seconds on any machine.
To anything that is not a simple drawing it says so: it is a demonstration, not a general model.

| part | |
| --- | --- |
| tower | CLIP vision transformer, 192 px (squashed, nothing cropped), patch 16, width 192, 7 layers of 6 heads, features before the last layer, class token dropped: 144 tokens |
| projector | two linear layers with GELU, 192 to 192 |
| decoder | Llama, width 192, 6 layers, 6 heads sharing 2 key-value heads, head size 32, MLP 512, 2048 positions, tied embeddings |
| tokenizer | SentencePiece-style BPE with byte fallback, 1535 pieces |
| size | 6.0 million parameters, 16-bit floats, one file |

Everything loads with plain transformers (`LlavaForConditionalGeneration`, `AutoProcessor`), no remote code. The prompt is FireLLaVA's:

```
USER: <image>
What colour is the circle?

ASSISTANT:
```

## Data

Pictures were drawn by a program (`training/` in this repository): up to six circles, squares, triangles, stars, diamonds, hearts and crosses in
eleven colours, letters, words of two to five letters and numbers, on plain, graded, striped, chequered, dotted and noisy backgrounds, blurred and
JPEG-damaged. The conversations were written by a program from the pictures' captions and boxes, never from pixels. Fonts of Debian packages were
used to draw with; the Liberation and Noto families were kept away from training.

For the honest answer to other pictures the program makes textures, skies, screens and charts, and uses photographs that Python packages ship:
scikit-image's bundled data (brick, cell, clock_motion, coins, color, grass, gravel, horse, hubble_deep_field, ihc, logo, moon, motorcycle, page,
phantom, retina, text and lfw_subset: CC0, public domain or the terms named in the notes of `skimage.data`), scikit-learn's
china.jpg (CC BY 2.0), matplotlib's grace_hopper.jpg (public domain) and PyWavelets' ascent and aero (public domain, MIT-licensed package).
Kept away from training: scikit-image's coffee, chelsea, rocket, astronaut and camera, and scikit-learn's flower.jpg (looked at while it was developed),
and the eight photographs of `test/eval/photos` (never looked at).

## Training

On two CPU cores by `training/recipe.sh`, in three stages as LLaVA's: the tower alone with dense labels per patch, projector and decoder behind the
frozen tower, then everything, the last of it in five passes with more questions of number, presence and words. The published weights are the mean of the running
averages of the last three passes.
Seeds: data 20261125, tokenizer 3, stage one 11, stages two and three 21, last passes 41, 51, 61, 71 and 81. torch 2.15.0, transformers 5.24.0, tokenizers 0.23.3, Pillow 13.0.0.
"""

TAIL = """
## Limits

- It knows the small world above and nothing else; its English is a few hundred phrases wide.
- Counts of four to six among others are sometimes off by one; words are misread about one time in ten: narrow letters (I, L) get lost, like ones confused.
- Whether two things have the same colour is answered wrongly about one time in four in some wordings.
- Small print, several words in one picture and crowded or overlapping shapes are beyond it.
- Borderline shades (red and brown, pink and purple) and places near the edge of a third of the picture are matters of taste.
- A drawing that looks much like a photograph, or the other way round, may get the wrong kind of answer.

Licence: Apache-2.0.
"""


SHOWN = ("loss", "shape", "colour", "pair", "left sign", "letter", "of shape", "of all", "place", "foreign")


def rows(path):
    with open(path) as f:
        return [r for r in csv.reader(f) if r]


def pick(lines, n=8):
    """Up to n lines, evenly spread, the last always among them."""
    step = max(1, len(lines) // n)
    chosen = lines[step - 1::step]
    return chosen if chosen and chosen[-1] == lines[-1] else chosen + lines[-1:]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--logs", nargs="+", default=[f"build/stage{n}.csv" for n in range(1, 9)], help="stage one's, two's, three's, and one for each last pass")
    p.add_argument("--table", default="build/table.json")
    p.add_argument("--http", nargs="*", default=[], help="outputs of npm run eval:tiny -- --json, one per seed, named by seed")
    p.add_argument("--batches", nargs=2, type=int, default=[64, 16])
    p.add_argument("--out", default="build/card.md")
    args = p.parse_args()
    (names, *one), two, three, *last = map(rows, args.logs)
    text = HEAD + f"\nStage one, {args.batches[0]} pictures a step (shares of object patches, of half patches with a sign and of letters of words named rightly, of counts exact):\n\n"
    text += "| step | " + " | ".join(SHOWN) + " |\n" + "| ---: " * (len(SHOWN) + 1) + "|\n"
    text += "".join("| " + " | ".join(r[names.index(c)] for c in ("step", *SHOWN)) + " |\n" for r in pick(one))
    text += f"\nStages two and three, {args.batches[1]} pictures with about ten questions each a step (the loss includes a fifth of stage one's, in the last passes two fifths):\n\n"
    text += "| stage | step | loss | answer tokens right |\n| ---: | ---: | ---: | ---: |\n"
    passes = [(str(stage), pick(log, 3)) for stage, log in ((2, two), (3, three))] + [(f"3, last pass {n}", pick(log, 2)) for n, log in enumerate(last, 1)]
    text += "".join(f"| {name} | " + " | ".join(r[1:4]) + " |\n" for name, log in passes for r in log)
    with open(args.table) as f:
        table = json.load(f)
    text += ("\n## Measured by `training/evaluate.py`\n\nPictures from an independent renderer (SVG through cairo, Liberation and Noto fonts, other shades, words and wordings; "
             "photographs and textures kept away from training), greedy decoding, 32-bit. Failures seen here led to three changes of the training data (`still.py`, the text share, ten wordings for naming a shape by its colour), so it is a development set:\n\n| topic | right | |\n| --- | ---: | ---: |\n")
    text += "".join(f"| {t} | {good} of {n} | {100 * good / n:.1f} % |\n" for t, (good, n) in table.items())
    if args.http:
        tables = [json.load(open(path)) for path in args.http]
        seeds = [path.split("/")[-1].split(".")[0] for path in args.http]
        text += ("\n## Measured over HTTP by `npm run eval:tiny`\n\nPictures drawn as SVG through librsvg, in Liberation and Noto fonts, with wordings that are not in the training set; greedy. "
                 "Seeds 101, 102, 501 and 502 were looked at while the last passes were chosen, wrong answers and, for 102, their wordings included: one wording of presence failed, "
                 "and the last passes got openings and verbs of their own for it. Seeds 5001 to 5004 were asked once, of these weights; seed 1's totals had been seen under earlier ones:\n\n")
        text += "| asked about | " + " | ".join(f"seed {n}" for n in seeds) + " | wanted |\n| --- |" + " ---: |" * (len(seeds) + 1) + "\n"
        for rows_ in zip(*tables):
            text += f"| {rows_[0]['category']} | " + " | ".join(f"{r['right']} of {r['asked']}" for r in rows_) + f" | {100 * rows_[0]['bar']:.0f} % |\n"
    with open(args.out, "w") as f:
        f.write(text + TAIL)


if __name__ == "__main__":
    main()
