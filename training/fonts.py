"""Which font files may be drawn with, and where each letter of a text comes to lie.

Families reserved for the evaluation (Liberation, Noto, and the metric twins of Liberation) are
never returned, so reading is measured on faces the model has not seen.
"""
import functools
import glob
import os
import re

from PIL import ImageFont

RESERVED = re.compile(r"liberation|noto|arimo|tinos|cousine|croscore", re.I)
# Not text faces, or faces whose capitals an eye would dispute.
UNFIT = re.compile(r"math|symbol|ornament|dingbat|keyboard|initials|chorus|lin(biolinum|libertine)_[ik]|outline|icon|"
                   r"smallcaps|-sc|caps|hairline|thin|extralight|chancery", re.I)
ROOTS = ("/usr/share/fonts/truetype", "/usr/share/fonts/opentype", "/usr/share/texmf/fonts/opentype")


@functools.lru_cache(None)
def families():
    """Font files grouped by family folder and name, each checked to hold all letters and digits."""
    groups = {}
    for root in ROOTS:
        for path in sorted(glob.glob(os.path.join(root, "**", "*.[to]tf"), recursive=True)):
            name = os.path.basename(path)
            if RESERVED.search(path) or UNFIT.search(name):
                continue
            family = re.split(r"[-_\[.]|Bold|Italic|Regular|Light|Medium|Oblique", name)[0].lower()
            groups.setdefault((os.path.dirname(path), family), []).append(path)
    kept = []
    for _, paths in sorted(groups.items()):
        good = [p for p in paths if _complete(p)]
        if good:
            kept.append(good)
    if not kept:
        raise SystemExit("no fonts found: install the families named in README.md")
    return kept


def _complete(path):
    try:
        font = ImageFont.truetype(path, 24)
        masks = {bytes(font.getmask(c)) for c in "ABDEGHKMRTabdegkmr0123456789"}
        return len(masks) > 24
    except Exception:  # a broken or bitmap-only file is simply not used
        return False


def pick(rng):
    """A font file: family first, so that a family with many weights is not drawn more often."""
    files = rng.choice(families())
    upright = [f for f in files if not re.search(r"italic|oblique|[-_]it\b|it\.", os.path.basename(f), re.I)]
    return rng.choice(upright if upright and rng.random() < 0.85 else files)


@functools.lru_cache(512)
def load(path, px):
    return ImageFont.truetype(path, px)


def fit(path, text, wide, tall):
    """The largest size whose ink fits into wide x tall, with the ink box and the letters' boxes in it."""
    px = 100
    l, t, r, b = load(path, px).getbbox(text)
    px = max(12, int(px * min(wide / max(1, r - l), tall / max(1, b - t))))
    font = load(path, px)
    l, t, r, b = font.getbbox(text)
    w, h = r - l, b - t
    chars = []
    for i, c in enumerate(text):
        start = font.getlength(text[:i]) - l
        end = font.getlength(text[:i + 1]) - l
        chars.append(((start + end) / 2 / w - 0.5, (end - start) / w))
    return {"px": px, "w": w, "h": h, "chars": chars}
