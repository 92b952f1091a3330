"""What the tower is taught in stage 1 (and goes on learning in stage 3): linear readings of its patch features.

Linear, because the projector and one look of the decoder must be able to read the same; thrown away when the checkpoint is written.
"""
import torch
import torch.nn.functional as F
from torch import nn

from labels import AT, COLUMNS, COUNTED, LETTERS, MOST, PAIRS

EVERYWHERE = ("shape", "left sign", "right sign")  # the other columns are asked of an object's patches only
OF_THINGS = tuple(c for c in COLUMNS if c not in EVERYWHERE and not c.startswith("letter"))
WEIGHTS = {"shape": 1.0, "left sign": 1.0, "right sign": 1.0, "colour": 1.0, "pair": 0.5, "of shape": 0.4, "of colour": 0.4, "of pair": 0.4,
           "of all": 0.4, "place": 0.4}
# Most patches are background and most are without a sign: they must not drown the rest.
BACKGROUND = {"shape": 0.2, "left sign": 0.05, "right sign": 0.05}


class Heads(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.everywhere = nn.Linear(d, sum(COLUMNS[c] for c in EVERYWHERE))
        self.things = nn.Linear(d, sum(COLUMNS[c] for c in OF_THINGS) + 4)
        self.letters = nn.Linear(d, LETTERS * COLUMNS["letter 0"])
        self.whole = nn.Linear(d, COUNTED * (MOST + 1) + PAIRS + 1)


def cross_entropy(logits, target, seen, name, background=None):
    """Mean over the targets that are not -1 (nothing when there are none); notes how many of the interesting ones are right."""
    known = target >= 0
    if not known.any():
        return logits.sum() * 0
    weight = None
    if background is not None:
        weight = torch.ones(logits.shape[-1])
        weight[0] = background
    logits, target = logits[known], target[known]
    told = target > 0 if background is not None or name == "letter" else slice(None)
    right = (logits.argmax(-1) == target)[told].float()
    if len(right):
        seen[name] = right.mean().item()
    return F.cross_entropy(logits, target, weight=weight)


def dense_losses(heads, features, ints, real, counts, box=8):
    """(weighted sum, {name: share right}) for features [B, n*n, d] and what labels.dense says about the pictures."""
    x = heads.norm(features).flatten(0, 1)
    ints, counts = ints.long().flatten(0, 1), counts.long()
    seen, total = {}, 0.0
    logits = heads.everywhere(x).float().split([COLUMNS[c] for c in EVERYWHERE], -1)
    for c, out in zip(EVERYWHERE, logits):
        total = total + WEIGHTS[c] * cross_entropy(out, ints[:, AT[c]], seen, c, BACKGROUND[c])
    on = ints[:, AT["shape"]] > 0
    *logits, where = heads.things(x[on]).float().split([*(COLUMNS[c] for c in OF_THINGS), 4], -1)
    for c, out in zip(OF_THINGS, logits):
        total = total + WEIGHTS[c] * cross_entropy(out, ints[on, AT[c]], seen, c)
    if on.any():
        total = total + box * F.smooth_l1_loss(where, real.flatten(0, 1)[on], beta=0.05)
    text = ints[:, AT["letter 0"]] >= 0
    spelt = heads.letters(x[text]).float().view(-1, COLUMNS["letter 0"])
    total = total + 2.0 * cross_entropy(spelt, ints[text, AT["letter 0"]:].flatten(), seen, "letter")
    glob = heads.whole(heads.norm(features).mean(1) * 4).float()
    numbers, pairs, foreign = glob.split((COUNTED * (MOST + 1), PAIRS, 1), -1)
    total = total + 0.7 * cross_entropy(numbers.reshape(-1, MOST + 1), counts[:, :COUNTED].clamp(max=MOST).flatten(), seen, "count", 1.0)
    own = counts[:, -1] == 0
    if own.any():
        there = counts[own, COUNTED:-1].float()
        total = total + 2 * F.binary_cross_entropy_with_logits(pairs[own], there, pos_weight=torch.full((PAIRS,), 5.0))
    total = total + 0.5 * F.binary_cross_entropy_with_logits(foreign[:, 0], counts[:, -1].float())
    seen["foreign"] = ((foreign[:, 0] > 0) == (counts[:, -1] > 0)).float().mean().item()
    return total, seen
