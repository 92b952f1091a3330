"""A second, independent world for measuring: SVG drawn by cairo, other fonts, shades, words and wordings.

Shares nothing with draw.py, world.py or phrases.py but the names of the colours and shapes.
"""
import io
import math

import cairosvg
import numpy as np
from PIL import Image, ImageFilter

SHADES = {
    "red": "#f00 #d40000 #e01b24 #ee2222 #c8102e", "green": "#0a0 #33a02c #2ec27e #118c4f #0b6623 #3cb043",
    "blue": "#1c71d8 #00f #2a52be #0057b8 #3a86ff #191970", "yellow": "#f6d32d #ff0 #fee12b #ffdf00 #f8e45c",
    "orange": "#ff7800 #ff8000 #f4801a #ffa000 #ee7600", "purple": "#813d9c #6f2da8 #7e1e9c #a020f0 #5b2c83", "black": "#000 #101010 #1c1c1c",
    "white": "#fff #fdfdfd #f7f7f7", "brown": "#865e3c #7c4a21 #63452c #8b5a2b #5c3317", "pink": "#ff9ecb #ffa6c9 #f78fb3 #fc8eac #ff5fa2",
    "grey": "#8c8c8c #777 #999 #9a9996 #7d7f7d"}
GROUNDS = ("#fff", "#fefae0", "#e0f2fe", "#f3e8ff", "#dcfce7", "#111827", "#0b132b", "#3d0c11", "#264653", "#84a98c", "#ffd6a5", "#cdb4db", "#577590",
           "#222", "#faf3dd", "#2d6a4f", "#b5838d", "#f1f5f9")
SHAPES = ("circle", "square", "triangle", "star", "diamond", "heart", "cross")
FACES = ("Liberation Sans", "Liberation Serif", "Liberation Mono", "Liberation Sans Narrow", "Noto Sans", "Noto Serif", "Noto Sans Mono")
WORDS = ("HAM", "OFF", "ICY", "VET", "FLY", "COD", "RUG", "BARN", "CHEF", "DUNE", "FLUX", "GOWN", "HAZE", "JOLT", "KELP", "LOFT", "MYTH", "NAVY", "PLUM",
         "QUAY", "RUBY", "SWAN", "TUSK", "VASE", "WISP", "YOGA", "ZINC", "AMBER", "BISON", "CRISP", "DRIFT", "FLUTE", "GIANT", "HUMOR", "IVORY", "JOKER",
         "KNACK", "LUNAR", "MAGIC", "NYLON", "OTTER", "PROUD", "QUILT", "RAVEN", "SIREN", "THUMB", "URBAN", "VIVID", "WALTZ", "YEAST")


def rgb(code):
    code = code[1:]
    return tuple(int(c * 2, 16) for c in code) if len(code) == 3 else tuple(int(code[i:i + 2], 16) for i in (0, 2, 4))


def far(a, b):
    """Weighted RGB distance ('redmean'), enough to keep objects off their background."""
    (r, g, b1), (R, G, B) = rgb(a), rgb(b)
    m = (r + R) / 2
    return math.sqrt((2 + m / 256) * (r - R) ** 2 + 4 * (g - G) ** 2 + (2 + (255 - m) / 256) * (b1 - B) ** 2)


def path(shape, s):
    h = s / 2
    if shape == "circle":
        return f'<circle r="{h}"/>'
    if shape == "square":
        return f'<rect x="{-h * .9}" y="{-h * .9}" width="{s * .9}" height="{s * .9}"/>'
    if shape == "triangle":
        return f'<polygon points="0,{-h} {h},{h * .85} {-h},{h * .85}"/>'
    if shape == "diamond":
        return f'<polygon points="0,{-h} {h * .72},0 0,{h} {-h * .72},0"/>'
    if shape == "star":
        pts = " ".join(f"{math.sin(i * math.pi / 5) * (h if i % 2 == 0 else h * .42):.1f},{-math.cos(i * math.pi / 5) * (h if i % 2 == 0 else h * .42):.1f}" for i in range(10))
        return f'<polygon points="{pts}"/>'
    if shape == "heart":
        return (f'<path d="M 0 {h * .9} C {-h * 1.35} {h * .05} {-h * .95} {-h * 1.05} 0 {-h * .42} C {h * .95} {-h * 1.05} {h * 1.35} {h * .05} 0 {h * .9} Z"/>')
    t = h * .34
    return f'<path d="M {-t} {-h} H {t} V {-t} H {h} V {t} H {t} V {h} H {-t} V {t} H {-h} V {-t} H {-t} Z"/>'


def ground(rng, W, H):
    """(defs and background markup, its tones)"""
    a = rng.choice(GROUNDS)
    r = rng.random()
    plain = f'<rect width="{W}" height="{H}" fill="{a}"/>'
    if r < 0.5:
        return plain, [a]
    b = "#" + "".join(f"{min(255, max(0, c + rng.choice((-28, 28)))):02x}" for c in rgb(a))
    if r < 0.7:
        return (f'<defs><linearGradient id="g" x2="{rng.random():.2f}" y2="1"><stop stop-color="{a}"/><stop offset="1" stop-color="{b}"/></linearGradient></defs>'
                f'<rect width="{W}" height="{H}" fill="url(#g)"/>'), [a, b]
    step = rng.randint(14, 40)
    bars = "".join(f'<rect x="{x}" width="{step // 2}" height="{H}" fill="{b}"/>' for x in range(0, W, step)) if rng.random() < 0.5 else \
        "".join(f'<rect y="{y}" width="{W}" height="{step // 2}" fill="{b}"/>' for y in range(0, H, step))
    return plain + bars, [a, b]


def shade(rng, colour, tones, tries=12):
    for _ in range(tries):
        code = rng.choice(SHADES[colour].split())
        if all(far(code, t) > 150 for t in tones):
            return code
    return None


def render(svg, rng, W, H):
    img = Image.open(io.BytesIO(cairosvg.svg2png(f'<svg xmlns="http://www.w3.org/2000/svg" width="{W}" height="{H}">{svg}</svg>'.encode()))).convert("RGB")
    r = rng.random()
    if r < 0.12:
        img = img.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))
    elif r < 0.3:
        buf = io.BytesIO()
        img.save(buf, "JPEG", quality=rng.randint(35, 80))
        img = Image.open(buf).convert("RGB")
    elif r < 0.4:
        x = np.asarray(img).astype(np.float32) + np.random.default_rng(rng.getrandbits(31)).normal(0, 8, (img.height, img.width, 3))
        img = Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))
    return img


def sizes(rng):
    return rng.choice(((320, 240), (400, 300), (256, 256), (512, 384), (480, 270), (240, 320), (300, 300), (640, 400), (360, 200)))


CELLS = {(0, 0): "top left", (1, 0): "top", (2, 0): "top right", (0, 1): "left", (1, 1): "middle", (2, 1): "right", (0, 2): "bottom left", (1, 2): "bottom",
         (2, 2): "bottom right"}


def shapes_picture(rng, n, same=None, cells=None):
    """n shapes in different cells of a 3 x 3 grid, jittered; (picture, list of facts)."""
    W, H = sizes(rng)
    svg, tones = ground(rng, W, H)
    cells = cells or rng.sample(sorted(CELLS), n)
    things = []
    for c in cells:
        for _ in range(60):
            colour = rng.choice(sorted(SHADES))
            code = shade(rng, colour, tones)
            if code and (same or all(t["colour"] != colour for t in things)):
                break
        else:
            continue
        free = [s for s in SHAPES if all(t["shape"] != s for t in things)]
        shape = same or rng.choice(free)
        s = min(W, H) * rng.uniform(0.14, 0.27)
        x, y = W * ((c[0] + .5) / 3 + rng.uniform(-.03, .03)), H * ((c[1] + .5) / 3 + rng.uniform(-.03, .03))
        r = rng.random()
        edge = rng.choice([e for e in ("#000", "#fff", "#333") if far(e, code) > 150] or ["#000"])
        style = f'fill="{code}"' if r < .6 else f'fill="none" stroke="{code}" stroke-width="{s * .13:.1f}"' if r < .8 else f'fill="{code}" stroke="{edge}" stroke-width="{max(1.5, s * .035):.1f}"'
        turn = rng.uniform(-12, 12) if rng.random() < .4 else 0
        svg += f'<g transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})" {style}>{path(shape, s)}</g>'
        things.append({"shape": shape, "colour": colour, "place": CELLS[c], "cell": c, "size": s})
    return render(svg, rng, W, H), things


def text_picture(rng, text):
    W, H = sizes(rng)
    svg, tones = ground(rng, W, H)
    for _ in range(60):
        colour = rng.choice(sorted(SHADES))
        code = shade(rng, colour, tones)
        if code:
            break
    face = rng.choice(FACES)
    most = min(H * .7, W * .9 / (.72 * len(text)))
    px = rng.uniform(max(26, most * .4), most)
    half = px * .36 * len(text)
    x, y = rng.uniform(min(half + 4, W / 2), max(W - half - 4, W / 2)), rng.uniform(px * .55, H - px * .55)
    turn = rng.uniform(-8, 8) if rng.random() < .25 else 0
    svg += (f'<text transform="translate({x:.1f} {y + px * .35:.1f}) rotate({turn:.1f})" text-anchor="middle" font-family="{face}" font-size="{px:.1f}" '
            f'font-weight="{rng.choice(("normal", "bold"))}" fill="{code}">{text}</text>')
    return render(svg, rng, W, H), colour
