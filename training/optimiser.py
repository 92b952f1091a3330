"""Muon for the matrices, AdamW for the rest, one schedule for both.

Muon (momentum made orthogonal) gets through the tower's first plateau in far fewer steps than AdamW,
which is what counts on two CPU cores.
"""
import math

import torch

import parallel


def schedule(step, steps, warm, floor=0.02):
    """Linear warm-up, then a cosine to floor."""
    return min(1, (step + 1) / warm) * max(floor, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def is_matrix(name, p):
    return p.dim() == 2 and "embed" not in name and p.shape[0] > 1


class Muon(torch.optim.Optimizer):
    """Equal shapes are stacked and made orthogonal together: one batched product instead of many small ones."""

    def __init__(self, params, lr, momentum=0.95, decay=0.05):
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})
        self.stacks = {}
        for g in self.param_groups:
            for p in g["params"]:
                self.stacks.setdefault(tuple(p.shape), []).append(p)
        self.moments = {s: torch.zeros(len(ps), *s) for s, ps in self.stacks.items()}

    @staticmethod
    def orthogonal(g):
        """Five Newton-Schulz steps towards the nearest (semi-)orthogonal matrix of each of the stack."""
        flip = g.shape[1] > g.shape[2]
        x = (g.transpose(1, 2) if flip else g).bfloat16()
        x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).bfloat16()
        for _ in range(5):
            a = x @ x.transpose(1, 2)
            x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
        return (x.transpose(1, 2) if flip else x).float()

    @torch.no_grad()
    def step(self):
        lr, momentum, decay = (self.param_groups[0][k] for k in ("lr", "momentum", "decay"))
        updates = []
        for shape, params in self.stacks.items():
            g, m = torch.stack([p.grad for p in params]), self.moments[shape]
            m.lerp_(g, 1 - momentum)
            work = g.lerp(m, momentum)
            update, mine = torch.zeros_like(work), slice(parallel.rank(), None, parallel.size())
            if len(work[mine]):  # each worker does its part of the stack
                update[mine] = self.orthogonal(work[mine]) * (0.2 * max(shape) ** 0.5 * lr)
            updates.append(update)
        parallel.add_up(updates)
        for params, update in zip(self.stacks.values(), updates):
            torch._foreach_mul_(params, 1 - lr * decay)
            torch._foreach_sub_(params, list(update.unbind(0)))

    def state_dict(self):
        return {"moments": self.moments}

    def load_state_dict(self, saved):
        self.moments = saved["moments"]


class Optimiser:
    """named: (name, parameter) pairs; lr is Muon's (on AdamW's scale), adam and tower scale it for their parts."""

    def __init__(self, named, lr, adam=0.5, tower=1.0, decay=0.05):
        self.lr = lr
        named = [(n, p) for n, p in named if p.requires_grad]
        self.params = [p for _, p in named]
        seeing = [p for n, p in named if is_matrix(n, p) and n.startswith("vision_tower")]
        speaking = [p for n, p in named if is_matrix(n, p) and not n.startswith("vision_tower")]
        rest = [p for n, p in named if not is_matrix(n, p)]
        self.parts = [(torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0, fused=True), adam)]
        self.parts += [(Muon(matrices, lr, decay=decay), scale) for matrices, scale in ((seeing, tower), (speaking, 1.0)) if matrices]

    def set_rate(self, factor):
        for part, scale in self.parts:
            for g in part.param_groups:
                g["lr"] = self.lr * scale * factor

    def step(self):
        parallel.mean_gradients(self.params)
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        for part, _ in self.parts:
            part.step()
            part.zero_grad()

    def state_dict(self):
        return [part.state_dict() for part, _ in self.parts]

    def load_state_dict(self, saved):
        for (part, _), s in zip(self.parts, saved):
            part.load_state_dict(s)
