"""The mean of several trained states, which did better than either pass of stage 3 alone.

    python average.py build/stage3.pt build/stage3b.pt build/mean.pt
"""
import sys

import torch


def main():
    *sources, out = sys.argv[1:]
    states = [torch.load(path)["ema"] for path in sources]
    mean = {name: sum(s[name] for s in states) / len(states) for name in states[0]}
    torch.save({"ema": mean, "model": mean, "step": " + ".join(sources)}, out)


if __name__ == "__main__":
    main()
