"""Turns pictures and conversations into packed training rows.

One row holds one picture prefix and several first questions behind it.  A block mask lets every
question see the prefix and itself only and positions restart after the prefix, so each is learned
exactly as the first turn it will be when served, while the picture is encoded once for all of them.
Real conversations of several turns, and talk without a picture, take the same shape with one branch.
"""
import os
import random
import re

import numpy as np
import torch
from tokenizers import Tokenizer

import dialogue
import labels
from shards import Shards

BOS, EOS = 1, 2


class Codec:
    """The tokenizer as the processor will use it, and the prompt format."""

    def __init__(self, path, image_tokens):
        self.tok = Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
        self.image, self.pad = self.tok.token_to_id("<image>"), self.tok.token_to_id("<pad>")
        self.n = image_tokens

    def encode(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def spell(self, text, start, drawn):
        """Ids of a text; from `start` on, drawn words stand letter by letter, for that is how they are read off a picture."""
        encoded = self.tok.encode(text, add_special_tokens=False)
        spans = [m.span() for w in drawn for m in re.finditer(rf"(?<!\w){re.escape(w)}(?!\w)", text) if m.start() >= start]
        ids = []
        for i, piece, (a, b) in zip(encoded.ids, encoded.tokens, encoded.offsets):
            if len(piece.lstrip("▁")) < 2 or not any(a < right and b > left for left, right in spans):
                ids.append(i)
                continue
            letters = list(piece)
            if letters[0] == "▁" and self.tok.token_to_id(piece[:2]) is not None:
                letters[:2] = [piece[:2]]
            ids += [self.tok.token_to_id(c) for c in letters]
        return ids

    def conversation(self, turns, system=None, picture=True, drawn=()):
        """(ids up to the picture, ids after it, 1 where a token is an answer's), each turn encoded as whole text."""
        head, ids, own = [BOS], [], []
        for i, (q, a, _) in enumerate(turns):
            text = f"USER: {q}\n\nASSISTANT:"
            if i == 0:
                text = (f"SYSTEM: {system}\n\n" if system else "") + ("USER: <image>\n" if picture else "USER: ") + q + "\n\nASSISTANT:"
            asked, whole = self.encode(text), self.spell(f"{text} {a}", len(text), drawn)
            if i == 0 and picture:
                at = asked.index(self.image)
                head = [BOS] + asked[:at]
                asked, whole = asked[at + 1:], whole[at + 1:]
            answer = whole[len(asked):] + [EOS]
            ids += asked + answer
            own += [0] * len(asked) + [1] * len(answer)
        return head, ids, own


class Row:
    """One packed row: prefix, picture, branches."""

    def __init__(self, codec, head, branches, picture):
        n = codec.n if picture else 0
        self.ids = head + [codec.image] * n
        self.image_at = len(head) if n else -1
        base = len(self.ids)
        self.positions, self.block, self.own = list(range(base)), [0] * base, [0] * base
        for b, (ids, own) in enumerate(branches, 1):
            self.ids += ids
            self.positions += range(base, base + len(ids))
            self.block += [b] * len(ids)
            self.own += own


def collate(rows, codec, width):
    """Arrays for the model.  The picture always starts at the row's own column; rows are left-shifted to share it."""
    at = max(r.image_at for r in rows)
    shifted = [(at - r.image_at if r.image_at >= 0 else 0) for r in rows]
    B = len(rows)
    ids = np.full((B, width), codec.pad, np.int64)
    positions, block = np.zeros((B, width), np.int64), np.full((B, width), -1, np.int64)
    own = np.zeros((B, width), np.int64)
    for i, (r, s) in enumerate(zip(rows, shifted)):
        n = min(len(r.ids), width - s)
        ids[i, s:s + n], positions[i, s:s + n] = r.ids[:n], r.positions[:n]
        block[i, s:s + n], own[i, s:s + n] = r.block[:n], r.own[:n]
    return ids, positions, block, own, at


def mask_of(block):
    """Additive mask [B, 1, T, T]: causal, and each branch sees block 0 and itself; padding sees itself."""
    T = block.shape[1]
    q, k = block[:, :, None], block[:, None, :]
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    ok = causal & ((k == q) | (k == 0)) & (k >= 0) | torch.eye(T, dtype=torch.bool)
    return torch.zeros(ok.shape, dtype=torch.bfloat16).masked_fill_(~ok, -1e4)[:, None]


def skip(scene, last=0):
    """How often a picture is passed over: spelling words needs more pictures than naming shapes does, but in the last pass."""
    if scene.get("page"):
        return 0.75 if last == 4 else 1.0  # too crowded to ask about, but its signs are learnt
    if last >= 3:
        return skip_but_words(scene)
    if last:
        shapes = sum(o["kind"] == "shape" for o in scene["objects"])
        return 0.7 if scene["foreign"] else (0.6 if last == 1 else 0.4) if shapes == 0 else 0.5 if shapes == 1 else 0.0
    texts = [o["text"] for o in scene["objects"] if o["kind"] == "text"]
    if scene["foreign"]:
        return 0.35
    if not texts:
        return 0.42
    return 0.45 if len(texts[0]) == 1 else 0.0


def skip_but_words(scene):
    """The third and fourth last pass: all words and numbers, and what holds several shapes."""
    if scene["foreign"]:
        return 0.7
    lengths = [len(o["text"]) for o in scene["objects"] if o["kind"] == "text"]
    shapes = len(scene["objects"]) - len(lengths)
    if lengths:
        return 0.0 if max(lengths) > 1 else 0.6
    return 0.7 if shapes < 2 else 0.3


class Packs(torch.utils.data.IterableDataset):
    """Endless batches: (pixels, ids, positions, block, own, image column, which rows have a picture, dense labels)."""

    def __init__(self, data, tokenizer, batch, k, seed, image_tokens=144, multi=0.15, textual=0.03, first=1, width=416, last=0):
        self.a = data, tokenizer, batch, k, seed, image_tokens, multi, textual, first, width, last

    def __iter__(self):
        data, tokenizer, batch, k, seed, n, multi, textual, first, width, last = self.a
        codec, rng = Codec(tokenizer, n), random.Random(seed)
        shards = Shards(data)
        stream = shards.stream(seed, first)
        world = None
        while True:
            pixels, rows, have, dense = [], [], [], []
            while len(rows) < batch:
                if world is None:
                    shards.refresh()
                    world = [s for s in next(iter(shards.scenes.values())) if not s["foreign"]]
                system = dialogue.system(rng)
                if rng.random() < textual:
                    head, ids, own = codec.conversation(dialogue.without_picture(rng, world), system, False)
                    extra = [codec.conversation(dialogue.without_picture(rng, world), None, False)[1:] for _ in range(4)] if system is None else []
                    rows.append(Row(codec, head, [(ids, own), *extra], False))
                    have.append(False)
                    continue
                picture, scene = next(stream)
                if rng.random() < skip(scene, last):
                    continue
                drawn = [o["text"] for o in scene["objects"] if o["kind"] == "text"]
                if rng.random() < multi and not scene.get("page"):
                    head, ids, own = codec.conversation(dialogue.turns(rng, scene, world, rng.randint(2, 4)), system, drawn=drawn)
                    branches = [(ids, own)]
                    used, want = len(ids), 2
                else:
                    branches, used, want, head = [], 0, k, codec.conversation([("", "", "")], system)[0]
                for turn in dialogue.first_turns(rng, scene, world, want if branches else k, dialogue.PASSES[last]):
                    _, ids, own = codec.conversation([turn], drawn=drawn)
                    if len(head) + n + used + len(ids) > width - 26:
                        break
                    branches.append((ids, own))
                    used += len(ids)
                rows.append(Row(codec, head, branches, True))
                pixels.append(picture)
                dense.append(labels.dense(scene, int(n ** 0.5), True))
                have.append(True)
            ids, positions, block, own, at = collate(rows, codec, width)
            yield (torch.from_numpy(np.stack(pixels)), *(torch.from_numpy(x) for x in (ids, positions, block, own)), at, torch.tensor(have),
                   [torch.from_numpy(np.stack(x)) for x in zip(*dense)])
