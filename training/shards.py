"""Reading the shards: an endless stream of pictures and captions, newest shards included as they appear."""
import glob
import os
import pickle
import random

import numpy as np


class Shards:
    def __init__(self, folder, exclude_last=0):
        self.folder, self.skip, self.maps, self.scenes = folder, exclude_last, {}, {}

    def refresh(self):
        for path in sorted(glob.glob(os.path.join(self.folder, "[0-9]*.npy"))):
            key = os.path.basename(path)[:4]
            if key not in self.maps and path.count(".") == self.folder.count(".") + 1:
                self.maps[key] = np.load(path, mmap_mode="r")
                with open(path[:-4] + ".pkl", "rb") as f:
                    self.scenes[key] = pickle.load(f)
        return sorted(self.maps)

    def stream(self, seed, first=0):
        """Pictures of index >= first, in random order, each shard's pictures once per round."""
        rng = random.Random(seed)
        while True:
            keys = [k for k in self.refresh() if int(k) >= first]
            order = [(k, i) for k in keys for i in range(len(self.scenes[k]))]
            rng.shuffle(order)
            known = len(keys)
            for n, (k, i) in enumerate(order):
                yield self.maps[k][i], self.scenes[k][i]
                if n % 4000 == 3999 and len([k for k in self.refresh() if int(k) >= first]) > known:
                    break
