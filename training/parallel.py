"""Two single-threaded workers instead of one process with two threads.

On a machine that others use too, every parallel region of a two-threaded process waits for whichever
thread the system has put aside.  Two processes meet once per step, when they average gradients.
"""
import os
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def rank():
    return dist.get_rank() if dist.is_initialized() else 0


def size():
    return dist.get_world_size() if dist.is_initialized() else 1


def add_up(tensors):
    """Sums a list of tensors over the workers, in place, in one message."""
    if size() == 1:
        return
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    at = 0
    for t in tensors:
        t.copy_(flat[at:at + t.numel()].view_as(t))
        at += t.numel()


def mean_gradients(params):
    grads = [p.grad for p in params if p.grad is not None]
    add_up(grads)
    if size() > 1:
        torch._foreach_div_(grads, size())


def _worker(index, workers, store, main, args):
    os.setsid()  # a scheduling group of its own: Linux shares the cores among sessions, not among processes
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.FileStore(store, workers), rank=index, world_size=workers)
    main(args)
    dist.destroy_process_group()


def launch(main, args, workers):
    """Runs main(args) in each worker; main asks rank() and size()."""
    if workers == 1:
        return main(args)
    store = os.path.join(tempfile.mkdtemp(), "store")
    mp.spawn(_worker, (workers, store, main, args), nprocs=workers)
