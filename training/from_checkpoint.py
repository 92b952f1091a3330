"""A state to train on from, made of the published checkpoint: for when the states of the first training are gone.

    python from_checkpoint.py --checkpoint ../inference/checkpoints/firellava-tiny --out build/published.pt
    python train.py --stage 3 --start build/published.pt --tokenizer ../inference/checkpoints/firellava-tiny --out build/stage3.pt

Stage 1's heads are not published; train.py begins them anew.
"""
import argparse
import os

import torch
from safetensors.torch import load_file


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", default="../inference/checkpoints/firellava-tiny")
    p.add_argument("--out", default="build/published.pt")
    args = p.parse_args()
    weights = {name: tensor.float() for name, tensor in load_file(os.path.join(args.checkpoint, "model.safetensors")).items()}
    torch.save({"ema": weights, "model": weights, "step": 0}, args.out)


if __name__ == "__main__":
    main()
