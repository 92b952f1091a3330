"""Real photographs that ordinary Python packages ship, for teaching the honest answer.

Reserved for the evaluation and never loaded here: scikit-image's coffee, chelsea, rocket,
astronaut and camera (also PyWavelets' copy of camera), and scikit-learn's flower.
"""
import functools
import importlib.util
import os

import numpy as np
from PIL import Image

SKIMAGE = ("brick.png", "cell.png", "clock_motion.png", "coins.png", "color.png", "grass.png", "gravel.png",
           "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png", "moon.png", "motorcycle_left.png",
           "motorcycle_right.png", "page.png", "phantom.png", "retina.jpg", "text.png")


def _folder(package, *parts):
    spec = importlib.util.find_spec(package)
    return os.path.join(os.path.dirname(spec.origin), *parts) if spec else None


@functools.lru_cache(None)
def all_photos():
    """A list of RGB arrays, none longer than 700 px, so that crops are quick."""
    paths = [_folder("skimage", "data", name) for name in SKIMAGE]
    paths.append(_folder("sklearn", "datasets", "images", "china.jpg"))
    paths.append(_folder("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg"))
    out = []
    for path in paths:
        img = Image.open(path).convert("RGB")
        img.thumbnail((700, 700))
        out.append(np.asarray(img))
    for name in ("ascent.npz", "aero.npz"):
        grey = np.load(_folder("pywt", "data", name))["data"].astype(np.uint8)
        out.append(np.repeat(grey[..., None], 3, 2))
    faces = np.load(_folder("skimage", "data", "lfw_subset.npy"))[:100]
    for face in faces[::4]:
        img = Image.fromarray((face * 255).astype(np.uint8)).resize((100, 100), Image.BICUBIC).convert("RGB")
        out.append(np.asarray(img))
    return out


# Colourful scenes count for more than 25 small grey faces or a page of text.
def weights():
    strong = {12: 4, 13: 2, 18: 8, 19: 6, 20: 4, 21: 3}
    return [strong.get(i, 1 if i < 22 else 0.25) for i in range(len(all_photos()))]
