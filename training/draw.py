"""Draws a scene with Pillow: supersampled, then blurred, grained and JPEG-damaged as the scene says."""
import io
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import fonts

SS = 2


def draw_background(bg, W, H, rng):
    """The background as a uint8 array at canvas size (no supersampling: it has few hard edges)."""
    a, b = np.array(bg["a"], np.float32), np.array(bg["b"], np.float32)
    kind = bg["kind"]
    if kind == "plain":
        img = np.broadcast_to(a, (H, W, 3)).copy()
    elif kind == "noise":
        cell = rng.choice((1, 1, 2, 4))
        gen = np.random.default_rng(rng.getrandbits(31))
        t = gen.random((H // cell + 1, W // cell + 1, 1), np.float32).repeat(cell, 0).repeat(cell, 1)[:H, :W]
        img = a + (b - a) * t
    else:
        y, x = np.mgrid[0:H, 0:W].astype(np.float32)
        ca, sa = math.cos(bg["angle"]), math.sin(bg["angle"])
        if kind == "linear":
            p = x / W * ca + y / H * sa
            t = (p - p.min()) / (p.max() - p.min() + 1e-6)
        elif kind == "radial":
            t = np.clip(np.hypot(x / W - 0.5, y / H - 0.5) * 1.6, 0, 1)
        else:
            step = max(4.0, bg["period"] * min(W, H))
            u, v = (x * ca + y * sa) / step, (-x * sa + y * ca) / step
            if kind == "stripes":
                t = (np.floor(u) % 2)
            elif kind == "checks":
                t = ((np.floor(u) + np.floor(v)) % 2)
            else:
                t = (np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.25).astype(np.float32)
        img = a + (b - a) * t[..., None]
    if bg["grain"]:
        gen = np.random.default_rng(rng.getrandbits(31))
        img += gen.normal(0, bg["grain"], img.shape).astype(np.float32)
    return np.clip(img, 0, 255).astype(np.uint8)


def outline_points(obj, rng):
    """The shape as a closed polygon in units of half its size, before rotation."""
    shape = obj["shape"]
    if shape == "circle":
        return [(math.cos(i * math.pi / 36), math.sin(i * math.pi / 36)) for i in range(72)]
    if shape == "square":
        return [(-.9, -.9), (.9, -.9), (.9, .9), (-.9, .9)]
    if shape == "triangle":
        lean = rng.choice((0, 0, 0, rng.uniform(-0.5, 0.5)))
        return [(lean, -1), (1, .9), (-1, .9)]
    if shape == "star":
        points, inner = rng.choice((5, 5, 5, 5, 6)), rng.uniform(0.36, 0.52)
        return [(math.sin(i * math.pi / points) * (1 if i % 2 == 0 else inner),
                 -math.cos(i * math.pi / points) * (1 if i % 2 == 0 else inner)) for i in range(2 * points)]
    if shape == "diamond":
        return [(0, -1), (1, 0), (0, 1), (-1, 0)]
    if shape == "heart":
        if rng.random() < 0.5:
            pts = []
            for i in range(60):
                t = i * math.pi / 30
                pts.append((16 * math.sin(t) ** 3 / 17, -(13 * math.cos(t) - 5 * math.cos(2 * t)
                                                          - 2 * math.cos(3 * t) - math.cos(4 * t) + 2.5) / 15.5))
            return pts
        left = []
        for i in range(24):  # a round lobe from the notch over the top to the side, then straight to the tip
            t = math.radians(-22 - 193 * i / 23)
            left.append((-0.48 + 0.52 * math.cos(t), -0.42 + 0.52 * math.sin(t)))
        return left + [(0, 0.95)] + [(-x, y) for x, y in reversed(left)]
    t = rng.uniform(0.22, 0.42)
    return [(-t, -1), (t, -1), (t, -t), (1, -t), (1, t), (t, t), (t, 1), (-t, 1), (-t, t), (-1, t), (-1, -t), (-t, -t)]


def draw_shape(canvas, obj):
    rng = random.Random(obj["seed"])
    c, s = math.cos(math.radians(obj["rot"])), math.sin(math.radians(obj["rot"]))
    pts = []
    for x, y in outline_points(obj, rng):
        x, y = x * obj["w"] / 2, y * obj["h"] / 2
        pts.append(((obj["x"] + x * c - y * s) * SS, (obj["y"] + x * s + y * c) * SS))
    rgb = tuple(obj["rgb"])
    line = obj.get("line", 0) * min(obj["w"], obj["h"]) * SS
    if obj["style"] == "fill":
        canvas.polygon(pts, fill=rgb)
        return
    if obj["style"] == "border":
        canvas.polygon(pts, fill=rgb)
        colour, width = tuple(obj["edge"]), max(2, round(line))
    else:
        colour, width = rgb, max(5, round(line))
    canvas.line(pts + pts[:2], fill=colour, width=width, joint="curve")


def draw_text(img, obj):
    """Text on a layer of its own, so that it can be turned about its centre."""
    font = fonts.load(obj["font"], obj["px"] * SS)
    l, t, r, b = font.getbbox(obj["text"])
    pad = 4 * SS
    mask = Image.new("L", (r - l + 2 * pad, b - t + 2 * pad), 0)
    pen = ImageDraw.Draw(mask)
    if obj["stroke"] and obj["px"] > 40:
        pen.text((pad - l, pad - t), obj["text"], font=font, fill=0, stroke_width=max(2, obj["px"] // 18), stroke_fill=255)
    else:
        pen.text((pad - l, pad - t), obj["text"], font=font, fill=255)
    if obj["rot"]:
        mask = mask.rotate(-obj["rot"], Image.BILINEAR, expand=True)
    at = (round(obj["x"] * SS - mask.width / 2), round(obj["y"] * SS - mask.height / 2))
    img.paste(tuple(obj["rgb"]), (at[0], at[1], at[0] + mask.width, at[1] + mask.height), mask)


def damage(img, scene):
    """Blur and JPEG, as a picture from the wild would have."""
    if scene["blur"]:
        img = img.filter(ImageFilter.GaussianBlur(scene["blur"]))
    if scene["jpeg"]:
        buf = io.BytesIO()
        img.save(buf, "JPEG", quality=scene["jpeg"])
        img = Image.open(io.BytesIO(buf.getvalue())).convert("RGB")
    return img


def render(scene):
    """The scene as a Pillow picture of scene['W'] x scene['H']."""
    rng = random.Random(scene["seed"])
    W, H = scene["W"], scene["H"]
    img = Image.fromarray(draw_background(scene["bg"], W, H, rng)).resize((W * SS, H * SS), Image.NEAREST)
    canvas = ImageDraw.Draw(img)
    for obj in scene["objects"]:
        if obj["kind"] == "shape":
            draw_shape(canvas, obj)
        else:
            draw_text(img, obj)
    return damage(img.resize((W, H), Image.BOX), scene)


def preprocess(img, side):
    """What CLIPImageProcessor does before scaling: a bicubic squash to the square, nothing cropped."""
    return np.asarray(img.convert("RGB").resize((side, side), Image.BICUBIC))
