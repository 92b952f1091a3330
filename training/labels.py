"""Dense supervision for the tower: what each patch of the squashed square shows.

Every patch: shape class (0 background, 1..7 shapes, 8 text) and the sign in its left and in its right half (two signs
of a small word can share one patch).  Patches of an object besides: its colour, the colour and shape as one class, how
many there are of its shape, of its colour and of both, where in the picture it lies, the letters of its text, offset to
the object's centre and size.  The decoder answers from what one patch says, so a patch is taught what is asked about.
Per picture: how many of each shape and colour, which pairs of both there are, and whether it is of the drawn world.
"""
import math

import numpy as np

from talk import place_name
from world import COLOURS, SHAPES

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
TEXT = len(SHAPES) + 1
LETTERS = 5
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")
MOST = 6  # the largest count there is
# The integer columns of a patch and how many classes each has; -1 means no supervision.
COLUMNS = {"shape": TEXT + 1, "left sign": len(SIGNS) + 1, "right sign": len(SIGNS) + 1,
           "colour": len(COLOURS), "pair": len(SHAPES) * len(COLOURS), "of shape": MOST + 1, "of colour": MOST + 1, "of pair": MOST + 1,
           "of all": MOST + 1, "place": len(PLACES), **{f"letter {i}": len(SIGNS) + 1 for i in range(LETTERS)}}
AT = {name: i for i, name in enumerate(COLUMNS)}
COUNTED = len(SHAPES) + len(COLOURS) + 1
PAIRS = len(SHAPES) * len(COLOURS)


def boxes(obj, W, H):
    """(centre x, centre y, width, height) as shares of the picture; a turned box grows."""
    c, s = abs(math.cos(math.radians(obj["rot"]))), abs(math.sin(math.radians(obj["rot"])))
    grown = 1.0 if obj["kind"] == "shape" else 0
    w = obj["w"] if grown else obj["w"] * c + obj["h"] * s
    h = obj["h"] if grown else obj["w"] * s + obj["h"] * c
    return obj["x"] / W, obj["y"] / H, w / W, h / H


def whole(scene):
    """int8 [19 + 77 + 1]: counts of shapes, of colours and of all, which pairs there are, foreign or not."""
    counts, pairs = np.zeros(COUNTED, np.int8), np.zeros(PAIRS, np.int8)
    if scene["foreign"]:
        return np.concatenate((counts - 1, pairs - 1, [1])).astype(np.int8)
    for obj in scene["objects"]:
        if obj["kind"] == "shape":
            shape, colour = SHAPES.index(obj["shape"]), COLOURS.index(obj["colour"])
            counts[shape] += 1
            counts[len(SHAPES) + colour] += 1
            counts[-1] += 1
            pairs[shape * len(COLOURS) + colour] = 1
    return np.concatenate((counts, pairs, [0])).astype(np.int8)


def facts(obj, scene, counts):
    """The values of an object's columns, in the order of COLUMNS; the two signs are left at -1."""
    place = place_name(obj["x"] / scene["W"], obj["y"] / scene["H"])
    colour = COLOURS.index(obj["colour"])
    at = -1 if place is None else PLACES.index(place)
    if obj["kind"] == "text":
        letters = [SIGNS.index(sign) + 1 for sign in obj["text"][:LETTERS]]
        return [TEXT, -1, -1, colour, -1, -1, -1, -1, -1, at, *letters, *[0] * (LETTERS - len(letters))]
    shape = SHAPES.index(obj["shape"])
    both = sum(o["kind"] == "shape" and o["shape"] == obj["shape"] and o["colour"] == obj["colour"] for o in scene["objects"])
    return [shape + 1, -1, -1, colour, shape * len(COLOURS) + colour, counts[shape], counts[len(SHAPES) + colour], both, counts[COUNTED - 1], at,
            *[-1] * LETTERS]


def dense(scene, n, absolute=False):
    """(int8 [n*n, columns], float32 [n*n, 4], int8 [97]) for a grid of n x n patches.

    absolute: the object's middle in the picture instead of its offset from the patch (stage 3, for questions of place).
    """
    ints = np.full((n, n, len(COLUMNS)), -1, np.int8)
    real = np.zeros((n, n, 4), np.float32)
    counts = whole(scene)
    if scene["foreign"]:
        return ints.reshape(n * n, -1), real.reshape(n * n, 4), counts
    ints[..., AT["shape"]] = 0
    W, H = scene["W"], scene["H"]
    centres = (np.arange(n) + 0.5) / n
    halves = (np.arange(2 * n) + 0.5) / (2 * n)
    signs = np.zeros((n, 2 * n), np.int8)
    for obj in scene["objects"]:
        cx, cy, w, h = boxes(obj, W, H)
        inx = np.abs(centres - cx) < w * 0.45
        iny = np.abs(centres - cy) < h * 0.45
        inx[min(n - 1, max(0, int(cx * n)))] = True
        iny[min(n - 1, max(0, int(cy * n)))] = True
        ys, xs = np.where(iny[:, None] & inx[None])
        ints[ys, xs] = facts(obj, scene, counts)
        real[ys, xs] = np.stack([cx - centres[xs] * (not absolute), cy - centres[ys] * (not absolute), np.full(len(xs), w), np.full(len(xs), h)], 1)
        if obj["kind"] == "shape":
            continue
        a = math.radians(obj["rot"])
        for sign, (off, wide) in zip(obj["text"], obj["chars"]):
            x = (obj["x"] + off * obj["w"] * math.cos(a)) / W
            y = (obj["y"] + off * obj["w"] * math.sin(a)) / H
            hx = np.abs(halves - x) < wide * obj["w"] / W / 2
            hy = np.abs(centres - y) < obj["h"] / H * 0.45
            hx[min(2 * n - 1, max(0, int(x * 2 * n)))] = True
            hy[min(n - 1, max(0, int(y * n)))] = True
            signs[np.ix_(hy, hx)] = SIGNS.index(sign) + 1
    ints[..., AT["left sign"]] = signs[:, 0::2]
    ints[..., AT["right sign"]] = signs[:, 1::2]
    return ints.reshape(n * n, -1), real.reshape(n * n, 4), counts
