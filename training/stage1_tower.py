"""Stage 1: the tower alone, with dense supervision per patch.

    python stage1_tower.py --data build/tiny --out build/stage1.pt
"""
import argparse
import csv
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import labels
import parallel
from model import FireLlavaTiny, Shape, normalise
from optimiser import Optimiser, schedule
from shards import Shards
from world import COLOURS, SHAPES

DENSE = (len(SHAPES) + 2, len(COLOURS), len(labels.SIGNS) + 1, len(labels.SIGNS) + 1)
COUNTED = len(SHAPES) + len(COLOURS)


class Heads(nn.Module):
    """Thrown away after stage 1."""

    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.dense = nn.Linear(d, sum(DENSE) + 4)
        self.pool = nn.Linear(d, 2 * d)
        self.globals = nn.Linear(2 * d, COUNTED * 7 + 1)

    def forward(self, x):
        x = self.norm(x)
        return self.dense(x), self.globals(F.gelu(self.pool(x)).mean(1) * 4)


class Batches(torch.utils.data.IterableDataset):
    def __init__(self, folder, batch, n, seed, first, text=False, absolute=False):
        self.args = folder, batch, n, seed, first, text, absolute

    def __iter__(self):
        folder, batch, n, seed, first, text, absolute = self.args
        stream = Shards(folder).stream(seed, first)
        while True:
            got = []
            while len(got) < batch:
                picture, scene = next(stream)
                if not text or any(o["kind"] == "text" for o in scene["objects"]):
                    got.append((picture, scene))
            made = [labels.dense(scene, n, absolute) for _, scene in got]
            yield (torch.from_numpy(np.stack([p for p, _ in got])), *(torch.from_numpy(np.stack(x)) for x in zip(*made)))


def losses(dense, glob, ints, real, counts, box=8):
    """Weighted sum and the accuracies worth watching."""
    parts = dense.float().split((*DENSE, 4), -1)
    ints, counts = ints.long(), counts.long()
    out, seen = {}, {}
    # Most patches are background and most are without a sign: they must not drown the rest.
    weights = {"shape": torch.ones(DENSE[0]), "sign": torch.ones(DENSE[2]), "colour": None}
    weights["shape"][0], weights["sign"][0] = 0.2, 0.05
    for i, name in enumerate(("shape", "colour", "sign", "sign")):
        target = ints[..., i].flatten()
        flat = parts[i].flatten(0, 1)
        out[name + str(i)] = F.cross_entropy(flat, target, weight=weights[name], ignore_index=-1)
        keep = target > 0 if name != "colour" else target >= 0
        seen[name] = (flat.argmax(-1) == target)[keep].float().mean().item()
    on = (ints[..., 0] > 0).unsqueeze(-1)
    out["box"] = box * (F.smooth_l1_loss(parts[4], real, beta=0.05, reduction="none") * on).sum() / on.sum().clamp(1) / 4
    glob = glob.float()
    known = counts[:, :-1].flatten()
    out["count"] = F.cross_entropy(glob[:, :-1].reshape(-1, 7), known.clamp(max=6), ignore_index=-1) if (known >= 0).any() else 0
    out["foreign"] = 0.5 * F.binary_cross_entropy_with_logits(glob[:, -1], counts[:, -1].float())
    seen["count"] = (glob[:, :-1].reshape(-1, 7).argmax(-1) == known)[known > 0].float().mean().item()
    seen["foreign"] = ((glob[:, -1] > 0) == (counts[:, -1] > 0)).float().mean().item()
    return sum(out.values()), seen


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--data", default="build/tiny")
    p.add_argument("--out", default="build/stage1.pt")
    p.add_argument("--log", default="build/stage1.csv")
    p.add_argument("--steps", type=int, default=4500, help="length of the cosine")
    p.add_argument("--stop", type=int, default=3300, help="leave the cosine here: stage 3 goes on with the tower")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--lr", type=float, default=2.5e-3)
    p.add_argument("--adam", type=float, default=0.4, help="AdamW's rate as a share of --lr")
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--resume", default="")
    p.add_argument("--workers", type=int, default=2)
    return p.parse_args()


def main(args):
    """args.batch pictures per step, shared among the workers."""
    lead, batch = parallel.rank() == 0, args.batch // parallel.size()
    if lead:
        print(args, flush=True)
    torch.manual_seed(args.seed)
    shape = Shape()
    tower, heads = FireLlavaTiny(shape).vision_tower, Heads(shape.tower)
    params = list(tower.named_parameters()) + list(heads.named_parameters())
    opt = Optimiser(params, args.lr, adam=args.adam)
    start = 0
    if args.resume and os.path.exists(args.resume):
        saved = torch.load(args.resume)
        tower.load_state_dict(saved["tower"]), heads.load_state_dict(saved["heads"]), opt.load_state_dict(saved["opt"])
        start = saved["step"]
    n = shape.image // shape.patch
    data = iter(torch.utils.data.DataLoader(Batches(args.data, batch, n, (args.seed + start) * 10 + parallel.rank(), 1), batch_size=None,
                                            num_workers=1, prefetch_factor=4))
    log = csv.writer(open(args.log, "a", buffering=1))
    began, sums, since = time.time(), {}, 0
    last = min(args.steps, args.stop)
    for step in range(start, last):
        pixels, ints, real, counts = next(data)
        opt.set_rate(schedule(step, args.steps, 100))
        with torch.autocast("cpu", torch.bfloat16):
            dense, glob = heads(tower(normalise(pixels)))
        loss, seen = losses(dense, glob, ints, real, counts)
        loss.backward()
        opt.step()
        since += 1
        for k, v in {"loss": loss.item(), **seen}.items():
            sums[k] = sums.get(k, 0) + v
        if lead and (step % 100 == 99 or step == start + 9):
            means = {k: round(v / since, 4) for k, v in sums.items()}
            rate = since * args.batch / (time.time() - began)
            print(step + 1, means, f"{rate:.0f} pictures/s", flush=True)
            log.writerow([step + 1, *means.values(), round(rate)])
            began, sums, since = time.time(), {}, 0
        if lead and (step % 300 == 299 or step + 1 == last):
            torch.save({"tower": tower.state_dict(), "heads": heads.state_dict(), "opt": opt.state_dict(),
                        "step": step + 1}, args.out + ".tmp")
            os.replace(args.out + ".tmp", args.out)


if __name__ == "__main__":
    cli = arguments()
    parallel.launch(main, cli, cli.workers)
