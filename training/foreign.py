"""Pictures that are not of the drawn world: textures, skies, screens, charts, pages and photographs.

The model must answer all of them with the same honest sentence.  What counts is variety, so every
kind below has many free parameters and two kinds are often mixed.
"""
import math

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import fonts
import photos
import world


def field(gen, h, w, octaves=5, persistence=0.55, base=3):
    """Smooth noise in 0..1: octaves of random grids, enlarged bicubically and summed."""
    total, amp = np.zeros((h, w), np.float32), 1.0
    for o in range(octaves):
        n = base * 2 ** o
        if n > max(h, w):
            break
        grid = Image.fromarray(gen.random((n + 1, n + 1), np.float32))
        total += amp * np.asarray(grid.resize((w, h), Image.BICUBIC))
        amp *= persistence
    total -= total.min()
    return total / (total.max() + 1e-6)


def palette(gen, n=4):
    """A random colour ramp: n stops, as real things have a few related tones."""
    base = gen.random(3) * 255
    if gen.random() < 0.4:
        return gen.random((n, 3)) * 255
    return np.clip(base + gen.normal(0, 60, (n, 3)) + np.linspace(-80, 80, n)[:, None], 0, 255)


def colourise(t, stops):
    x = np.clip(t, 0, 1) * (len(stops) - 1)
    i = np.minimum(x.astype(int), len(stops) - 2)
    f = (x - i)[..., None]
    return stops[i] * (1 - f) + stops[i + 1] * f


def cloud(gen, h, w):
    return colourise(field(gen, h, w, 6, gen.uniform(0.35, 0.75), int(gen.integers(1, 6))), palette(gen))


def stone(gen, h, w):
    """Wood, marble and ripples: a wave through a distorted coordinate."""
    y, x = np.mgrid[0:h, 0:w] / max(h, w)
    warp = field(gen, h, w, 5) * gen.uniform(0.5, 6)
    a = gen.uniform(0, math.pi)
    p = np.hypot(x - gen.random(), y - gen.random()) if gen.random() < 0.4 else x * math.cos(a) + y * math.sin(a)
    t = 0.5 + 0.5 * np.sin(2 * math.pi * (p * gen.uniform(1, 12) + warp))
    return colourise(t ** gen.uniform(0.5, 2), palette(gen))


def plasma(gen, h, w):
    return np.stack([field(gen, h, w, int(gen.integers(1, 5)), 0.6, int(gen.integers(1, 4))) for _ in range(3)], 2) * 255


def static(gen, h, w):
    """Noise of many grains, stacked."""
    out = np.zeros((h, w, 3), np.float32)
    for cell in gen.choice((1, 2, 3, 5, 8, 13), int(gen.integers(1, 4)), replace=False):
        depth = 1 if gen.random() < 0.3 else 3
        g = gen.random((h // cell + 1, w // cell + 1, depth)).repeat(cell, 0).repeat(cell, 1)[:h, :w]
        out += g
    out -= out.min()
    return np.broadcast_to(out / out.max() * 255, (h, w, 3))


def landscape(gen, h, w):
    """Sky, ridges and ground with grain; sometimes trunks or buildings in front."""
    sky = colourise(np.linspace(0, 1, h)[:, None].repeat(w, 1) + 0.2 * field(gen, h, w), palette(gen, 3))
    level = h * gen.uniform(0.2, 0.5)
    for _ in range(int(gen.integers(1, 5))):
        ridge = level + (field(gen, 1, w, 5, 0.5, 3)[0] - 0.5) * h * gen.uniform(0.1, 0.5)
        tone = colourise(field(gen, h, w, 6, 0.8, 8), palette(gen, 3) * gen.uniform(0.4, 1))
        below = np.arange(h)[:, None] > ridge[None]
        sky = np.where(below[..., None], tone, sky)
        level += h * gen.uniform(0.05, 0.25)
    if gen.random() < 0.5:
        for _ in range(int(gen.integers(2, 12))):
            x0, wide, top = int(gen.integers(0, w)), int(gen.integers(3, max(4, w // 8))), int(gen.integers(0, h * 2 // 3))
            block = sky[top:, x0:x0 + wide]
            block *= 0.5
            block += gen.random(3) * 110 + gen.normal(0, 14, block.shape)
    return sky + gen.normal(0, gen.uniform(0, 14), sky.shape)


def creature(gen, h, w):
    """Lit blobs with soft shading, as faces, fruit or animals look when far out of focus."""
    img = cloud(gen, h, w)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(int(gen.integers(2, 14))):
        cx, cy, r = gen.uniform(0, w), gen.uniform(0, h), gen.uniform(0.05, 0.35) * max(h, w)
        dx, dy = (x - cx) / r, (y - cy) / (r * gen.uniform(0.5, 1.6))
        d = np.sqrt(dx * dx + dy * dy) + (field(gen, h, w, 4) - 0.5) * gen.uniform(0.1, 0.9)
        soft = np.clip((1 - d) * gen.uniform(2, 14), 0, 1)[..., None]
        light = np.clip(1.1 - 0.45 * (dx + dy) - 0.4 * d, 0.15, 1.4)[..., None]
        tone = colourise(field(gen, h, w, 5, 0.7, 5), palette(gen, 3))
        img = img * (1 - soft) + soft * tone * light
    return img + gen.normal(0, gen.uniform(0, 8), img.shape)


def patches(gen, h, w):
    """Many random rectangles and ellipses, blurred or not: clutter rather than a drawing."""
    img = Image.fromarray(np.clip(cloud(gen, h, w), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(img)
    for _ in range(int(gen.integers(25, 160))):
        x, y = gen.uniform(-0.1, 1) * w, gen.uniform(-0.1, 1) * h
        dx, dy = gen.uniform(0.02, 0.4) * w, gen.uniform(0.02, 0.4) * h
        fill = tuple(int(v) for v in gen.integers(0, 256, 3))
        (pen.rectangle if gen.random() < 0.6 else pen.ellipse)((x, y, x + dx, y + dy), fill=fill)
    return np.asarray(img.filter(ImageFilter.GaussianBlur(gen.uniform(0, 6)))).astype(np.float32)


def _line_of_text(rng):
    words = [rng.choice(world.WORDS).lower() for _ in range(rng.randint(2, 9))]
    return " ".join(words).capitalize()


def screen(gen, h, w, rng):
    """A fake window, page or chart: bars, panels and many lines of small text."""
    dark = rng.random() < 0.3
    paper, ink = ((30, 32, 38), (215, 215, 215)) if dark else ((250, 250, 250), (40, 40, 40))
    img = Image.new("RGB", (w, h), paper)
    pen = ImageDraw.Draw(img)
    font = fonts.load(fonts.pick(rng), rng.randint(7, 13))
    kind = rng.choice(("page", "window", "chart", "table"))
    tint = tuple(int(v) for v in gen.integers(0, 256, 3))
    if kind in ("window", "page"):
        if kind == "window":
            pen.rectangle((0, 0, w, h * 0.1), fill=tint)
            side = rng.choice((0, w * rng.uniform(0.15, 0.3)))
            pen.rectangle((0, h * 0.1, side, h), fill=tuple(int(v) for v in gen.integers(0, 256, 3)))
            for _ in range(rng.randint(0, 5)):
                x, y = rng.uniform(side, w), rng.uniform(h * 0.1, h)
                pen.rounded_rectangle((x, y, x + w * 0.2, y + h * 0.1), 3, fill=tuple(int(v) for v in gen.integers(0, 256, 3)))
        else:
            side = 0
        y, columns = h * 0.13, rng.choice((1, 1, 2))
        while y < h:
            for c in range(columns):
                pen.text((side + 6 + c * (w - side) / columns, y), _line_of_text(rng)[:int((w - side) / columns / 5)], font=font, fill=ink)
            y += rng.choice((12, 14, 14, 14, 26))
    elif kind == "chart":
        pen.line((w * 0.1, h * 0.05, w * 0.1, h * 0.9, w * 0.95, h * 0.9), fill=ink, width=2)
        n = rng.randint(4, 14)
        ys = [h * rng.uniform(0.1, 0.85) for _ in range(n)]
        xs = [w * (0.12 + 0.8 * i / n) for i in range(n)]
        if rng.random() < 0.5:
            for x, y in zip(xs, ys):
                pen.rectangle((x, y, x + w * 0.5 / n, h * 0.9), fill=tint)
        for _ in range(rng.randint(1, 3)):
            pen.line([(x, h * rng.uniform(0.1, 0.85)) for x in xs], fill=tuple(int(v) for v in gen.integers(0, 256, 3)), width=2)
        for i in range(5):
            pen.text((2, h * (0.1 + 0.16 * i)), str(rng.randint(0, 999)), font=font, fill=ink)
    else:
        rows, columns = rng.randint(5, 12), rng.randint(3, 7)
        for r in range(rows):
            pen.line((0, h * r / rows, w, h * r / rows), fill=tint)
            for c in range(columns):
                pen.text((4 + w * c / columns, h * r / rows + 2), rng.choice(world.WORDS).lower() if rng.random() < 0.6
                         else str(rng.randint(0, 9999)), font=font, fill=ink)
    return np.asarray(img).astype(np.float32)


def photo(gen, rng):
    """A random crop of a shipped photograph, mirrored, recoloured and resized."""
    pool = photos.all_photos()
    src = pool[rng.choices(range(len(pool)), photos.weights())[0]]
    H, W = src.shape[:2]
    share = rng.uniform(0.25, 1)
    ch, cw = max(40, int(H * share)), max(40, int(W * min(1, share * rng.uniform(0.7, 1.4))))
    y, x = rng.randint(0, max(0, H - ch)), rng.randint(0, max(0, W - cw))
    img = Image.fromarray(src[y:y + ch, x:x + cw])
    if rng.random() < 0.5:
        img = ImageOps.mirror(img)
    img = img.resize((int(max(60, min(360, cw))), int(max(60, min(360, ch)))), Image.BILINEAR)
    for kind in (ImageEnhance.Color, ImageEnhance.Brightness, ImageEnhance.Contrast):
        if rng.random() < 0.6:
            img = kind(img).enhance(rng.uniform(0.3, 1.8) if kind is ImageEnhance.Color else rng.uniform(0.6, 1.4))
    if rng.random() < 0.3:
        shift = np.asarray(img.convert("HSV")).copy()
        shift[..., 0] += rng.randint(0, 255)
        img = Image.fromarray(shift, "HSV").convert("RGB")
    return np.asarray(img).astype(np.float32)


PURE = (cloud, stone, plasma, static, landscape, creature, patches)


def render(rng, things=0.0):
    """One foreign picture as a Pillow image of random size; things: how often one main thing on a quiet background."""
    gen = np.random.default_rng(rng.getrandbits(31))
    h, w = rng.randint(100, 240), rng.randint(100, 240)
    r = rng.random()
    if things and rng.random() < things:
        import still  # it builds on the functions above
        img = rng.choice(still.KINDS)(gen, h, w)
    elif r < 0.45:
        img = photo(gen, rng)
    elif r < 0.58:
        img = screen(gen, h, w, rng)
    else:
        img = rng.choice(PURE)(gen, h, w)
        if rng.random() < 0.2:
            other = rng.choice(PURE)(gen, h, w)
            mix = field(gen, h, w, 3)[..., None] if rng.random() < 0.5 else rng.uniform(0.3, 0.7)
            img = img * mix + other * (1 - mix)
    img = Image.fromarray(np.clip(img, 0, 255).astype(np.uint8))
    if rng.random() < 0.25:
        img = img.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2)))
    if rng.random() < 0.08:
        img = ImageOps.grayscale(img).convert("RGB")
    return img


def scene(rng):
    """The (empty) caption of a foreign picture."""
    return {"W": 0, "H": 0, "bg": None, "objects": [], "foreign": True}
