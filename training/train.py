"""Stages 2 and 3: projector and decoder behind the frozen tower, then everything.

    python train.py --stage 2 --start build/stage1.pt --out build/stage2.pt
    python train.py --stage 3 --start build/stage2.pt --out build/stage3.pt
    python train.py --stage 3 --last 1 --start build/stage3.pt --out build/stage4.pt
"""
import argparse
import csv
import os
import time

import torch
import torch.nn.functional as F

import parallel
from heads import Heads, dense_losses
from model import FireLlavaTiny, Shape, normalise
from optimiser import Optimiser, schedule
from packs import Packs, mask_of


def step_loss(model, batch, frozen, heads=None, share=0.0):
    """Mean cross-entropy over answer tokens (plus stage 1's dense loss), and the share of tokens that are right."""
    pixels, ids, positions, block, own, at, have, labels = batch
    n = model.shape.tokens
    with torch.autocast("cpu", torch.bfloat16):
        with torch.set_grad_enabled(not frozen):
            seen = model.vision_tower(normalise(pixels))
        images = model.multi_modal_projector(seen)
        x = model.language_model.model.embed_tokens(ids)
        rows = have.nonzero()[:, 0]
        spread = torch.zeros(len(ids), n, x.shape[-1]).index_copy(0, rows, images.float())
        middle = torch.where(have[:, None, None], spread, x[:, at:at + n])
        x = torch.cat([x[:, :at], middle, x[:, at + n:]], 1)
        hidden = model.language_model.model(x, positions, mask_of(block))
        b, t = (own[:, 1:] > 0).nonzero(as_tuple=True)
        logits = model.logits(hidden[b, t])
    target = ids[b, t + 1]
    loss = F.cross_entropy(logits.float(), target)
    if heads is not None and share and not frozen:
        with torch.autocast("cpu", torch.bfloat16):
            dense = dense_losses(heads, seen, *labels, box=24)[0]
        loss = loss + share * dense
    return loss, (logits.argmax(-1) == target).float().mean().item()


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--stage", type=int, choices=(2, 3), required=True)
    p.add_argument("--data", default="build/tiny")
    p.add_argument("--tokenizer", default="build/tokenizer")
    p.add_argument("--start", default="build/stage1.pt")
    p.add_argument("--out", default="build/stage2.pt")
    p.add_argument("--log", default="build/stage2.csv")
    p.add_argument("--steps", type=int, default=0, help="length of the cosine (250 in stage 2, 4400 in stage 3)")
    p.add_argument("--stop", type=int, default=0, help="leave the cosine at this step")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--adam", type=float, default=0.5)
    p.add_argument("--tower", type=float, default=0.4, help="the tower's rate as a share of --lr")
    p.add_argument("--warm", type=int, default=60)
    p.add_argument("--seed", type=int, default=21)
    p.add_argument("--save-every", type=int, default=250)
    p.add_argument("--ema", type=float, default=0.995)
    p.add_argument("--dense", type=float, default=0.2, help="weight of stage 1's loss in stage 3")
    p.add_argument("--last", type=int, default=0, help="1 to 4, a last pass: more pictures of several shapes, more questions of number and presence; from 3 more words; 4 with openings")
    p.add_argument("--resume", action="store_true", help="go on from --out if it is there")
    p.add_argument("--workers", type=int, default=2)
    args = p.parse_args()
    args.steps = args.steps or (250 if args.stage == 2 else 4400)
    return args


def main(args):
    """args.batch packed rows per step, shared among the workers."""
    lead, batch_size = parallel.rank() == 0, args.batch // parallel.size()
    if lead:
        print(args, flush=True)
    torch.manual_seed(args.seed)
    model = FireLlavaTiny(Shape())
    resume = args.resume and os.path.exists(args.out)
    saved = torch.load(args.out if resume else args.start)
    if "tower" in saved:
        model.vision_tower.load_state_dict(saved["tower"])
    else:
        model.load_state_dict(saved["model" if resume else "ema"])
    frozen = args.stage == 2
    if frozen:
        model.vision_tower.requires_grad_(False)
    heads = Heads(model.shape.tower)
    if "heads" in saved:
        heads.load_state_dict(saved["heads"])
    named = [(n, q) for n, q in model.named_parameters() if q.requires_grad]
    opt = Optimiser(named + ([] if frozen else list(heads.named_parameters())), args.lr, args.adam, args.tower)
    ema = {n: q.detach().clone() for n, q in model.state_dict().items()}
    start = 0
    if resume:
        start, ema = saved["step"], saved["ema"]
        opt.load_state_dict(saved["opt"])
    data = iter(torch.utils.data.DataLoader(Packs(args.data, args.tokenizer, batch_size, 14, (args.seed * 1000 + start) * 10 + parallel.rank(), model.shape.tokens, last=args.last),
                                            batch_size=None, num_workers=1, prefetch_factor=6))
    log = csv.writer(open(args.log, "a", buffering=1))
    began, total, right, since, tokens = time.time(), 0.0, 0.0, 0, 0
    last = args.stop or args.steps
    for step in range(start, last):
        opt.set_rate(schedule(step, args.steps, args.warm))
        batch = next(data)
        loss, accuracy = step_loss(model, batch, frozen, heads, args.dense)
        loss.backward()
        opt.step()
        if step % 4 == 3:
            with torch.no_grad():
                decay = min(args.ema ** 4, (step + 1) / (step + 40))
                now = model.state_dict()
                torch._foreach_lerp_([ema[n] for n, _ in named], [now[n] for n, _ in named], 1 - decay)
        total, right, since = total + loss.item(), right + accuracy, since + 1
        tokens += int((batch[3] >= 0).sum()) * parallel.size()
        if lead and (step % 50 == 49 or step == start + 9):
            took = time.time() - began
            print(f"{step + 1} loss {total / since:.4f} answer tokens right {right / since:.4f} "
                  f"{since * args.batch / took:.1f} pictures/s {tokens / took:.0f} tokens/s", flush=True)
            log.writerow([args.stage, step + 1, round(total / since, 4), round(right / since, 4), round(since * args.batch / took, 1)])
            began, total, right, since, tokens = time.time(), 0.0, 0.0, 0, 0
        if lead and ((step + 1) % args.save_every == 0 or step + 1 == last):
            torch.save({"model": model.state_dict(), "ema": ema, "heads": heads.state_dict(), "opt": opt.state_dict(), "step": step + 1}, args.out + ".tmp")
            os.replace(args.out + ".tmp", args.out)


if __name__ == "__main__":
    cli = arguments()
    parallel.launch(main, cli, cli.workers)
