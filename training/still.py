"""Foreign pictures with one main thing in front of a quiet background: the kind most easily taken for a drawing.

What tells them from a drawn shape is shading, texture and soft or ragged edges, so all of these vary.
"""
import math

import numpy as np

from foreign import cloud, colourise, field, palette, stone


def quiet(gen, h, w):
    """Dusk skies, studio walls, blurred gardens, table tops."""
    r = gen.random()
    if r < 0.4:
        t = np.linspace(0, 1, h)[:, None].repeat(w, 1) if gen.random() < 0.6 else np.linspace(0, 1, w)[None].repeat(h, 0)
        return colourise(t ** gen.uniform(0.5, 2) + 0.06 * field(gen, h, w), palette(gen, 3) * gen.uniform(0.25, 1))
    if r < 0.75:
        return colourise(field(gen, h, w, 3, 0.4, int(gen.integers(2, 6))), palette(gen, 3) * gen.uniform(0.3, 1))
    return stone(gen, h, w) if r < 0.9 else cloud(gen, h, w) * gen.uniform(0.3, 1)


def body(gen, h, w):
    """Polar coordinates about a place in the picture, turned and stretched."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    cx, cy, r = gen.uniform(0.25, 0.75) * w, gen.uniform(0.25, 0.75) * h, gen.uniform(0.18, 0.5) * max(h, w)
    a, squeeze = gen.uniform(0, math.pi), gen.uniform(0.55, 1)
    dx, dy = (x - cx) / r, (y - cy) / r
    u, v = dx * math.cos(a) + dy * math.sin(a), (-dx * math.sin(a) + dy * math.cos(a)) / squeeze
    return u, v, np.hypot(u, v), np.arctan2(v, u), dx, dy


def put(gen, img, inside, tone, dx, dy):
    """Lays a lit, grainy tone where inside is 1."""
    lit = np.clip(1 - gen.uniform(0.2, 0.6) * dx - gen.uniform(0.2, 0.6) * dy, 0.2, 1.5)[..., None]
    return img * (1 - inside[..., None]) + inside[..., None] * np.clip(tone * lit, 0, 255)


def bloom(gen, h, w):
    """Petals, shells, feathers: rings and rays of shading."""
    img = quiet(gen, h, w)
    for _ in range(int(gen.integers(1, 4))):
        u, v, rad, ang, dx, dy = body(gen, h, w)
        n, ring = int(gen.integers(4, 22)), gen.uniform(2, 9)
        edge = 1 + gen.uniform(0.03, 0.3) * np.cos(n * ang) + 0.15 * (field(gen, h, w, 4) - 0.5)
        wave = 0.5 + 0.25 * np.sin(ring * 2 * math.pi * rad + gen.uniform(0, 3) * np.cos(n * ang)) + 0.25 * np.cos(n * ang + 5 * rad)
        tone = colourise(np.clip(wave * 0.7 + 0.3 * field(gen, h, w, 5), 0, 1), palette(gen, 4))
        img = put(gen, img, np.clip((edge - rad) * gen.uniform(4, 20), 0, 1), tone, dx, dy)
    return img + gen.normal(0, gen.uniform(0, 7), img.shape)


def vessel(gen, h, w):
    """Bowls, balls, fruit, stones, pots: nested lit ellipses with highlights and shadows."""
    img = quiet(gen, h, w)
    for _ in range(int(gen.integers(1, 5))):
        u, v, rad, ang, dx, dy = body(gen, h, w)
        shadow = np.clip((1.25 - np.hypot(u - 0.2, v - 0.25)) * 3, 0, 1)[..., None]
        img = img * (1 - 0.5 * shadow)
        base = palette(gen, 3)
        for k in range(int(gen.integers(1, 5))):
            size = 1 - k * gen.uniform(0.1, 0.3)
            if size < 0.2:
                break
            wobble = gen.uniform(0, 0.12) * (field(gen, h, w, 3) - 0.5)
            tone = colourise(0.7 * field(gen, h, w, 4) + 0.3 * np.clip(rad, 0, 1), np.roll(base, k, 0) * gen.uniform(0.5, 1.2))
            img = put(gen, img, np.clip((size + wobble - np.hypot(u + 0.05 * k, v + 0.08 * k)) * gen.uniform(8, 30), 0, 1), tone, dx, dy)
        spot = np.exp(-((u + gen.uniform(-0.4, 0.4)) ** 2 + (v + gen.uniform(0, 0.5)) ** 2) * gen.uniform(8, 60))[..., None]
        img = img + spot * gen.uniform(40, 200)
    return img + gen.normal(0, gen.uniform(0, 7), img.shape)


def mast(gen, h, w):
    """Towers, trunks, poles, cranes and lamps against a sky, with ground and small lights."""
    img = quiet(gen, h, w)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(int(gen.integers(1, 7))):
        cx, wide, top = gen.uniform(0.05, 0.95) * w, gen.uniform(0.01, 0.09) * w, gen.uniform(0, 0.6) * h
        lean, taper = gen.uniform(-0.08, 0.08), gen.uniform(0.2, 1)
        half = wide * (taper + (1 - taper) * (y - top) / h)
        off = x - cx - lean * (y - top) + 1.5 * (field(gen, h, w, 4) - 0.5)
        inside = np.clip(half - np.abs(off), 0, 1) * (y > top)
        if gen.random() < 0.5:  # a lattice: most of it is sky
            step = gen.uniform(4, 12)
            inside = inside * ((np.abs(((off + y) / step) % 1 - 0.5) < 0.14) | (np.abs(((off - y) / step) % 1 - 0.5) < 0.14) | (half - np.abs(off) < 1.5))
        img = put(gen, img, inside, colourise(field(gen, h, w, 5, 0.7, 6), palette(gen, 3) * gen.uniform(0.3, 1)), off / (half + 1), 0 * y)
    ground = np.clip((y - h * gen.uniform(0.8, 1.05) - 8 * (field(gen, h, w, 4) - 0.5)) / 3, 0, 1)
    img = put(gen, img, ground, colourise(field(gen, h, w, 6, 0.8, 10), palette(gen, 3) * gen.uniform(0.1, 0.8)), 0 * x, 0 * y)
    for _ in range(int(gen.integers(0, 9))):
        glow = np.exp(-((x - gen.uniform(0, w)) ** 2 + (y - gen.uniform(0.5, 1) * h) ** 2) / gen.uniform(2, 60))[..., None]
        img = img + glow * np.array([255, gen.uniform(180, 255), gen.uniform(90, 220)])
    return img + gen.normal(0, gen.uniform(0, 9), img.shape)


KINDS = (bloom, vessel, mast)
