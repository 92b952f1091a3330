"""Stage 1: the tower alone, with dense supervision per patch.

    python stage1_tower.py --data build/tiny --out build/stage1.pt
"""
import argparse
import csv
import os
import time

import numpy as np
import torch

import labels
import parallel
from heads import Heads, dense_losses
from model import FireLlavaTiny, Shape, normalise
from optimiser import Optimiser, schedule
from shards import Shards

LOGGED = ("loss", "shape", "colour", "pair", "left sign", "right sign", "letter", "count", "of shape", "of colour", "of pair", "of all", "place", "foreign")


class Batches(torch.utils.data.IterableDataset):
    def __init__(self, folder, batch, n, seed, first):
        self.args = folder, batch, n, seed, first

    def __iter__(self):
        folder, batch, n, seed, first = self.args
        stream = Shards(folder).stream(seed, first)
        while True:
            got = [next(stream) for _ in range(batch)]
            made = [labels.dense(scene, n) for _, scene in got]
            yield (torch.from_numpy(np.stack([p for p, _ in got])), *(torch.from_numpy(np.stack(x)) for x in zip(*made)))


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--data", default="build/tiny")
    p.add_argument("--out", default="build/stage1.pt")
    p.add_argument("--log", default="build/stage1.csv")
    p.add_argument("--steps", type=int, default=6000, help="length of the cosine")
    p.add_argument("--stop", type=int, default=5400, help="leave the cosine here: stage 3 goes on with the tower")
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
    if lead and start == 0:
        log.writerow(["step", *LOGGED, "pictures/s"])
    began, sums, since = time.time(), {}, start
    last = min(args.steps, args.stop)
    for step in range(start, last):
        pixels, ints, real, counts = next(data)
        opt.set_rate(schedule(step, args.steps, 100))
        with torch.autocast("cpu", torch.bfloat16):
            loss, seen = dense_losses(heads, tower(normalise(pixels)), ints, real, counts)
        loss.backward()
        opt.step()
        for k, v in {"loss": loss.item(), **seen}.items():
            sums.setdefault(k, []).append(v)
        if lead and (step % 100 == 99 or step == start + 9):
            means = {k: round(sum(v) / len(v), 4) for k, v in sums.items()}
            rate = (step + 1 - since) * args.batch / (time.time() - began)
            print(step + 1, means, f"{rate:.0f} pictures/s", flush=True)
            log.writerow([step + 1, *(means.get(k, "") for k in LOGGED), round(rate)])
            began, sums, since = time.time(), {}, step + 1
        if lead and (step % 300 == 299 or step + 1 == last):
            torch.save({"tower": tower.state_dict(), "heads": heads.state_dict(), "opt": opt.state_dict(),
                        "step": step + 1}, args.out + ".tmp")
            os.replace(args.out + ".tmp", args.out)


if __name__ == "__main__":
    cli = arguments()
    parallel.launch(main, cli, cli.workers)
