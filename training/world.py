"""The little world: which colours, shapes and texts there are, and how a scene is sampled.

A scene is a plain dict (sizes, background, objects with boxes).  Everything else in this
folder -- the drawing, the dense labels, the conversations -- is derived from that dict, so
no conversation is ever written by looking at pixels.
"""
import math
import random
import string

import fonts

SHAPES = ("circle", "square", "triangle", "star", "diamond", "heart", "cross")

# Several anchors per colour name; a drawn shade is an anchor plus jitter that must stay nearest
# to an anchor of the same name.
ANCHORS = {
    "red": "ff0000 e60000 dc143c e53935 d62728 cc0000 c62828 d50000 ef3340 f44336 ff3b30 e74c3c c0392b",
    "orange": "ffa500 ff8c00 f57c00 fb8c00 ff7f0e ff9800 f39c12 e67e22 ff7f00 ff9500",
    "yellow": "ffff00 ffd700 fdd835 ffeb3b f1c40f ffe600 fff176 ffdd00",
    "green": "008000 228b22 32cd32 2e8b57 43a047 00ff00 2ca02c 4caf50 006400 3cb371 27ae60 00a000 "
             "388e3c 1b5e20 00c853 34c759 66bb6a",
    "blue": "0000ff 4169e1 1e90ff 0000cd 1e88e5 4682b4 1f77b4 2196f3 1565c0 00008b 000080 6495ed "
            "3498db 007aff 0d47a1 3f51b5",
    "purple": "800080 663399 9400d3 4b0082 9370db 8e24aa 8a2be2 9467bd 9c27b0 6a1b9a 7b1fa2 9b59b6 "
              "8e44ad ba55d3 9932cc af52de",
    "pink": "ffc0cb ff69b4 ff1493 ffb6c1 f06292 ec407a e377c2 ff80ab f48fb1 ff85c0 fd79a8",
    "brown": "8b4513 a0522d 795548 6d4c41 a52a2a 5d4037 8c564b 7b3f00 6f4e37 964b00 654321 8d6e63",
    "grey": "808080 9e9e9e a9a9a9 696969 7f7f7f 757575 888888 708090 95a5a6 616161 8e8e93",
    "black": "000000 000000 0a0a0a 111111 1a1a1a 212121",
    "white": "ffffff ffffff fafafa f5f5f5 fffafa f8f8ff fffff0",
}
COLOURS = tuple(ANCHORS)

WORDS = """UP GO NO ON IN AT IT WE ME BY OK HI AM PM TV CAT DOG SUN CAR BUS HAT CUP PEN BOX KEY MAP BED
EGG FOX JAM NET OWL PIG RED TOP VAN WEB YES ZOO ART BAG BEE COW DAY EAR FAN GAS HEN ICE JET KIT LEG
MUD NUT OAK PAN RAT SEA TEA WAX YAK ANT ARM BAT BIG CAN DIG END FUN GUM HOT INK JOY LIP MIX NEW OUT
PIE RUN SKY TWO USE WIN ZIP LAMP TREE FISH BIRD BOOK DOOR HAND MILK MOON STAR SHIP RAIN SNOW WIND
FIRE GOLD IRON JUMP KING LION LOVE NEST OPEN PARK QUIZ ROAD SALT TAXI VOTE WOLF YARD ZERO BALL BOAT
CAKE COIN DESK DUCK FACE FARM FLAG FROG GAME GATE GIFT GOAT HILL HOME IDEA JAZZ KITE LAKE LEAF MAIL
NINE NOTE OVEN PLAY POOL PUSH PULL RICE RING ROCK ROSE SHOE SHOP SIGN SOAP SOFA STOP TEAM TIME TOWN
WALL WAVE WEST WOOD WORD WORK APPLE BREAD CHAIR DANCE EARTH FRUIT GRASS HORSE HOUSE JUICE KNIFE LEMON
LIGHT MOUSE MUSIC NIGHT OCEAN PAPER PHONE PIANO PLANT QUEEN RADIO RIVER SHEEP SMILE SPOON STONE SUGAR
TABLE TIGER TRAIN TRUCK UNCLE VIDEO VOICE WATCH WATER WHALE WORLD YACHT ZEBRA ALARM BEACH BRUSH CLOCK
CLOUD CROWN DREAM EAGLE FLOOR GHOST GLASS GRAPE HEART HELLO HOTEL ISLE JELLY KOALA LUNCH MAPLE NORTH
OLIVE ONION PANDA PEACH PEARL PIZZA QUICK ROBOT SALAD SCARF SHARK SKATE SNAKE SOUTH SPACE STORM TOAST
TOWEL TOWER VALUE WAGON WHEAT EXIT SALE FREE HELP INFO NEXT BACK LEFT EAST COLD WARM SLOW FAST""".split()

# Lower-case letters whose shape alone tells them from the capital and from other signs.
CLEAR_LOWER = "abdefghijkmnqrty"


def rgb_of(hex6):
    return tuple(int(hex6[i:i + 2], 16) for i in (0, 2, 4))


def lab(rgb):
    """CIE L*a*b* of an sRGB triple: distances there are close to what an eye sees."""
    lin = [(c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4) for c in rgb]
    x = (0.4124 * lin[0] + 0.3576 * lin[1] + 0.1805 * lin[2]) / 0.9505
    y = 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2]
    z = (0.0193 * lin[0] + 0.1192 * lin[1] + 0.9505 * lin[2]) / 1.089
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return (116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]))


def distance(a, b):
    return math.dist(lab(a), lab(b))


_ANCHOR_LABS = [(lab(rgb_of(h)), name) for name, hexes in ANCHORS.items() for h in hexes.split()]


def nearest_name(rgb):
    """(name of the nearest anchor, distance to it)."""
    here = lab(rgb)
    d, name = min((math.dist(here, a), n) for a, n in _ANCHOR_LABS)
    return name, d


def shade(rng, name, jitter=14):
    """One shade of a named colour."""
    anchor = rgb_of(rng.choice(ANCHORS[name].split()))
    if name in ("black", "white", "grey"):
        jitter //= 2
    for _ in range(8):
        rgb = tuple(min(255, max(0, c + rng.randint(-jitter, jitter))) for c in anchor)
        if nearest_name(rgb)[0] == name:
            return rgb
    return anchor


def hsv(h, s, v):
    import colorsys
    return tuple(int(round(255 * c)) for c in colorsys.hsv_to_rgb(h % 1, s, v))


def background(rng):
    """A background: its kind and the two tones it is made of (equal when plain)."""
    tone = rng.random()
    if tone < 0.22:
        a = shade(rng, "white", 8)
    elif tone < 0.48:
        a = hsv(rng.random(), rng.uniform(0, 0.28), rng.uniform(0.8, 1))
    elif tone < 0.72:
        a = hsv(rng.random(), rng.choice((0, rng.uniform(0, 0.9))), rng.uniform(0.02, 0.35))
    elif tone < 0.86:
        a = hsv(rng.random(), rng.uniform(0.25, 0.95), rng.uniform(0.4, 1))
    else:
        a = shade(rng, rng.choice(COLOURS))
    kind = rng.choices(("plain", "linear", "radial", "stripes", "checks", "dots", "noise"),
                       (44, 17, 6, 12, 5, 5, 11))[0]
    b = a
    if kind != "plain":
        spread = rng.randint(15, 60 if kind in ("linear", "radial") else 38)
        if rng.random() < 0.5:
            d = rng.choice((-1, 1)) * spread
            b = tuple(min(255, max(0, c + d)) for c in a)
        else:
            b = tuple(min(255, max(0, c + rng.randint(-spread, spread))) for c in a)
    name, d = nearest_name(a)
    return {"kind": kind, "a": a, "b": b, "angle": rng.uniform(0, math.pi), "period": rng.uniform(0.04, 0.2),
            "grain": rng.choice((0, 0, 0, rng.uniform(2, 9))),
            "colour": name if kind == "plain" and d < 12 else None}


def colour_for(rng, bg, pool=COLOURS, least=31):
    """A named colour and a shade of it that stands out from both tones of the background."""
    for _ in range(40):
        name = rng.choice(pool)
        rgb = shade(rng, name)
        if min(distance(rgb, bg["a"]), distance(rgb, bg["b"])) > least:
            return name, rgb
        if _ == 20:
            pool = COLOURS
    name = "black" if sum(bg["a"]) > 380 else "white"
    return name, shade(rng, name)


def sample_text(rng):
    """A letter, a word or a number, as it will be drawn."""
    r = rng.random()
    if r < 0.36:
        return rng.choice(CLEAR_LOWER) if rng.random() < 0.15 else rng.choice(string.ascii_uppercase)
    if r < 0.80:
        q = rng.random()
        if q < 0.40:
            word = rng.choice(WORDS)
        elif q < 0.65:
            word = "".join(rng.choice("BCDFGHJKLMNPRSTVWXYZ" if i % 2 == 0 else "AEIOUY")
                           for i in range(rng.randint(2, 5)))
        else:
            word = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randint(2, 5)))
        q = rng.random()
        return word if q < 0.66 else word.lower() if q < 0.85 else word.capitalize()
    if rng.random() < 0.3:
        return str(rng.randint(2, 9))
    return str(rng.randint(10, 99) if rng.random() < 0.6 else rng.randint(100, 999))


def _place(rng, boxes, w, h, W, H, gap):
    """A free place for a box of w x h; half the time near one of nine clear positions."""
    for _ in range(60):
        if rng.random() < 0.45:
            cx = (rng.choice((0.2, 0.5, 0.8)) + rng.uniform(-0.05, 0.05)) * W
            cy = (rng.choice((0.2, 0.5, 0.8)) + rng.uniform(-0.05, 0.05)) * H
            cx = min(max(cx, w / 2 + 1), W - w / 2 - 1)
            cy = min(max(cy, h / 2 + 1), H - h / 2 - 1)
        else:
            cx = rng.uniform(w / 2 + 1, max(w / 2 + 1, W - w / 2 - 1))
            cy = rng.uniform(h / 2 + 1, max(h / 2 + 1, H - h / 2 - 1))
        if all(abs(cx - x) > (w + ww) / 2 + gap or abs(cy - y) > (h + hh) / 2 + gap for x, y, ww, hh in boxes):
            return cx, cy
    return None


def _style(rng, colour, rgb, bg):
    """Filled, outlined or filled with a thin border of another tone."""
    r = rng.random()
    if r < 0.62:
        return {"style": "fill"}
    if r < 0.82:
        return {"style": "outline", "line": rng.uniform(0.07, 0.17)}
    tones = [t for t in ((0, 0, 0), (255, 255, 255), tuple(c // 2 for c in rgb), (60, 60, 60), (200, 200, 200))
             if distance(t, rgb) > 20]
    return {"style": "border", "line": rng.uniform(0.02, 0.06), "edge": rng.choice(tones or [(0, 0, 0)])}


def _shape_object(rng, shape, bg, pool, boxes, W, H, size):
    w = h = size
    if shape == "diamond":
        h, w = (size, size / rng.uniform(1.0, 1.6)) if rng.random() < 0.85 else (size / rng.uniform(1, 1.4), size)
    if shape == "triangle":
        h = size * rng.uniform(0.8, 1.1)
    at = _place(rng, boxes, w, h, W, H, 0.02 * min(W, H))
    if at is None:
        return None
    turn = {"square": 18, "diamond": 10, "triangle": 25, "heart": 25, "cross": 18, "star": 36, "circle": 0}[shape]
    if shape in ("triangle", "cross") and rng.random() < 0.12:
        turn = 180
    rot = rng.uniform(-turn, turn) if rng.random() < 0.5 else 0.0
    colour, rgb = colour_for(rng, bg, pool)
    obj = {"kind": "shape", "shape": shape, "colour": colour, "rgb": rgb, "x": at[0], "y": at[1], "w": w, "h": h,
           "rot": rot, "seed": rng.random(), **_style(rng, colour, rgb, bg)}
    boxes.append((at[0], at[1], w, h))
    return obj


# How wide and how tall a text may be, as shares of the picture.
TEXT_SIZES = {"alone": ((0.35, 0.9), (0.16, 0.7)), "among others": ((0.25, 0.5), (0.14, 0.36)), "page": ((0.15, 0.45), (0.09, 0.28))}


def _text_object(rng, bg, boxes, W, H, room):
    text = sample_text(rng)
    font = fonts.pick(rng)
    reach, tall = (rng.uniform(*limits) for limits in TEXT_SIZES[room])
    if len(text) == 1:
        reach = 0.8
    measured = fonts.fit(font, text, reach * W, tall * H)
    w, h = measured["w"], measured["h"]
    at = _place(rng, boxes, w, h, W, H, 0.02 * min(W, H))
    if at is None:
        return None
    colour, rgb = colour_for(rng, bg)
    boxes.append((at[0], at[1], w, h))
    limit = 12 if w < 0.7 * W else 4
    return {"kind": "text", "text": text, "colour": colour, "rgb": rgb, "x": at[0], "y": at[1], "w": w, "h": h,
            "font": font, "px": measured["px"], "chars": measured["chars"], "stroke": rng.random() < 0.06,
            "rot": rng.uniform(-limit, limit) if rng.random() < 0.3 else 0.0, "style": "fill"}


def sample_scene(rng: random.Random, kind=None):
    """One scene of the world (never a foreign picture).

    kind "page" scatters many texts over one picture: too crowded to ask about, but thirty signs to learn in one look (stage 1).
    """
    side = rng.uniform(170, 330)
    ratio = rng.choice((1, 1, 4 / 3, 3 / 2, 16 / 9, 2, 3 / 4, 2 / 3, rng.uniform(0.55, 1.9)))
    W, H = int(side * math.sqrt(ratio)), int(side / math.sqrt(ratio))
    bg = background(rng)
    kind = kind or rng.choices(("shapes", "text", "both", "empty"), (61, 28, 10, 1))[0]
    boxes, objects = [], []
    small = min(W, H)
    if kind in ("text", "both"):
        for _ in range(2 if kind == "text" and rng.random() < 0.1 else 1):
            obj = _text_object(rng, bg, boxes, W, H, "alone" if kind == "text" and not boxes else "among others")
            if obj:
                objects.append(obj)
    for _ in range(rng.randint(4, 9) if kind == "page" else 0):
        obj = _text_object(rng, bg, boxes, W, H, "page")
        if obj:
            objects.append(obj)
    if kind in ("shapes", "both", "page"):
        n = rng.choices(range(1, 7), (22, 18, 16, 15, 14, 15))[0] if kind == "shapes" else rng.randint(1, 3)
        few = rng.random() < 0.4
        shapes = rng.sample(SHAPES, rng.choice((1, 1, 2))) if few else SHAPES
        pool = rng.sample(COLOURS, rng.choice((1, 2, 3))) if rng.random() < 0.35 else COLOURS
        big = {1: 0.75, 2: 0.55, 3: 0.48, 4: 0.42, 5: 0.38, 6: 0.36}[n]
        base = rng.uniform(0.12, big)
        same = rng.random() < 0.3
        for _ in range(n):
            size = small * (base if same else rng.uniform(0.12, big))
            for shrink in (1, 0.75, 0.55):
                obj = _shape_object(rng, rng.choice(shapes), bg, pool, boxes, W, H, max(size * shrink, 0.11 * small))
                if obj:
                    objects.append(obj)
                    break
    return {"W": W, "H": H, "bg": bg, "objects": objects, "foreign": False, "page": kind == "page",
            "blur": rng.uniform(0.3, 1.6) if rng.random() < 0.22 else 0,
            "jpeg": rng.randint(30, 92) if rng.random() < 0.6 else 0, "seed": rng.getrandbits(31)}
