"""Draws the training pictures ahead of time: shards of uint8 squares and their captions.

    python make_data.py --data build/tiny --shards 0:28
    python make_data.py --data build/tiny --shards 28:32 --foreign 1 --things 0.6
    python make_data.py --data build/tiny --shards 32:40 --foreign 0 --kind text
    python make_data.py --data build/tiny --shards 40:54 --foreign 0 --kind page
"""
import argparse
import os
import pickle
import random
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import draw
import foreign
import world

SIDE = 192
PER_SHARD = 2000
FOREIGN_SHARE = 0.12


def make_shard(index, out, seed, share=FOREIGN_SHARE, things=0.0, kind=None, side=SIDE):
    rng = random.Random(seed * 1_000_003 + index)
    pixels = np.empty((PER_SHARD, side, side, 3), np.uint8)
    scenes = []
    for i in range(PER_SHARD):
        if rng.random() < share:
            scene, img = foreign.scene(rng), foreign.render(rng, things)
        else:
            scene = world.sample_scene(rng, kind)
            img = draw.render(scene)
        pixels[i] = draw.preprocess(img, side)
        scenes.append(scene)
    np.save(os.path.join(out, f"{index:04d}.tmp.npy"), pixels)
    with open(os.path.join(out, f"{index:04d}.pkl"), "wb") as f:
        pickle.dump(scenes, f)
    os.rename(os.path.join(out, f"{index:04d}.tmp.npy"), os.path.join(out, f"{index:04d}.npy"))
    return index


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", default="build/tiny")
    p.add_argument("--shards", default="0:60")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--foreign", type=float, default=FOREIGN_SHARE)
    p.add_argument("--things", type=float, default=0.0, help="share of the foreign pictures that show one main thing")
    p.add_argument("--kind", choices=("shapes", "text", "both", "page"), help="only such scenes")
    p.add_argument("--seed", type=int, default=20261125)
    args = p.parse_args()
    os.makedirs(args.data, exist_ok=True)
    first, last = map(int, args.shards.split(":"))
    missing = [i for i in range(first, last) if not os.path.exists(os.path.join(args.data, f"{i:04d}.npy"))]
    if args.workers == 1:
        for i in missing:
            print("shard", make_shard(i, args.data, args.seed, args.foreign, args.things, args.kind), flush=True)
        return
    with ProcessPoolExecutor(args.workers) as pool:
        for i in pool.map(make_shard, missing, [args.data] * len(missing), [args.seed] * len(missing),
                          [args.foreign] * len(missing), [args.things] * len(missing), [args.kind] * len(missing)):
            print("shard", i, flush=True)


if __name__ == "__main__":
    main()
