"""The mean of several states' weights: passes that go on from one another lie close enough, and their mean is right more often than each.

    python average.py --states build/stage6.pt build/stage7.pt --out build/mean.pt

(Wortsman et al. 2022, "Model soups".)  Heads and optimiser are the last state's.
"""
import argparse

import torch


def mean(states):
    """One mapping of equal names to the means of the floating-point tensors; the others are the last one's."""
    *_, last = states
    return {name: sum(s[name] for s in states) / len(states) if tensor.is_floating_point() else tensor for name, tensor in last.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--states", nargs="+", required=True)
    p.add_argument("--out", required=True)
    args = p.parse_args()
    states = [torch.load(path) for path in args.states]
    torch.save(states[-1] | {"ema": mean([s["ema"] for s in states])}, args.out)


if __name__ == "__main__":
    main()
