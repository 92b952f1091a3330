"""Dense supervision for the tower: what each patch of the squashed square shows.

Per patch: shape class (0 background, 1..7 shapes, 8 text), colour, the sign in its left and in its
right half (two signs of a small word can share one patch), offset to the object's centre and its
size.  Per picture: how many of each shape and colour, and whether it is of the drawn world at all.
"""
import math

import numpy as np

from world import COLOURS, SHAPES

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
TEXT = len(SHAPES) + 1


def boxes(obj, W, H):
    """(centre x, centre y, width, height) as shares of the picture; a turned box grows."""
    c, s = abs(math.cos(math.radians(obj["rot"]))), abs(math.sin(math.radians(obj["rot"])))
    grown = 1.0 if obj["kind"] == "shape" else 0
    w = obj["w"] if grown else obj["w"] * c + obj["h"] * s
    h = obj["h"] if grown else obj["w"] * s + obj["h"] * c
    return obj["x"] / W, obj["y"] / H, w / W, h / H


def dense(scene, n, absolute=False):
    """(int8 [n*n, 4], float32 [n*n, 4], int8 [19]) for a grid of n x n patches; -1 means no supervision.

    absolute: the object's middle in the picture instead of its offset from the patch (stage 3, for questions of place).
    """
    ints = np.full((n, n, 4), -1, np.int8)
    real = np.zeros((n, n, 4), np.float32)
    counts = np.zeros(len(SHAPES) + len(COLOURS) + 1, np.int8)
    if scene["foreign"]:
        counts[:] = -1
        counts[-1] = 1
        return ints.reshape(n * n, 4), real.reshape(n * n, 4), counts
    ints[..., 0] = 0
    ints[..., 2:] = 0
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
        ints[ys, xs, 0] = TEXT if obj["kind"] == "text" else SHAPES.index(obj["shape"]) + 1
        ints[ys, xs, 1] = COLOURS.index(obj["colour"])
        real[ys, xs] = np.stack([cx - centres[xs] * (not absolute), cy - centres[ys] * (not absolute), np.full(len(xs), w), np.full(len(xs), h)], 1)
        if obj["kind"] == "shape":
            counts[SHAPES.index(obj["shape"])] += 1
            counts[len(SHAPES) + COLOURS.index(obj["colour"])] += 1
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
    ints[..., 2] = signs[:, 0::2]
    ints[..., 3] = signs[:, 1::2]
    return ints.reshape(n * n, 4), real.reshape(n * n, 4), counts
