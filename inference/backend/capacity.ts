/** How many sequences of which length fit: the key/value cache is the one thing whose size the operator chooses. */
import { CapacityError } from '../errors.ts';
import type { DecoderSpec } from '../models/spec.ts';

export interface Capacity {
  /** Sequences that run at once. */
  readonly slots: number;
  /** Tokens of one sequence, prompt and answer together. */
  readonly maxModelLen: number;
  /** Address space of the whole cache; memory is only taken as tokens are written. */
  readonly cacheBytes: number;
}

/** Most slots that are given without being asked for: past it, a step on a CPU takes longer without more tokens a second. */
const DEFAULT_SLOTS = 32;
/** Share of the machine's memory that the cache may come to fill without being asked for. */
const DEFAULT_SHARE = 0.5;

/** Bytes that one token takes in the cache: a key and a value of float32 in each layer. */
export const cacheBytesPerToken = ({ layers, kvHeads, headDim }: DecoderSpec): number => layers * 2 * kvHeads * headDim * 4;

/**
 * @param asked settings of the operator, taken as they are if they are possible
 * @param memoryBytes memory that the cache may take, the weights being in memory already
 * @throws CapacityError for a setting that the model or the machine cannot hold
 */
export function planCapacity(
  decoder: DecoderSpec,
  asked: { readonly slots?: number; readonly maxModelLen?: number },
  memoryBytes: number,
): Capacity {
  const maxModelLen = asked.maxModelLen ?? decoder.maxPositions;
  if (maxModelLen > decoder.maxPositions) {
    throw new CapacityError(`MAX_MODEL_LEN is ${maxModelLen}, but this model's positions end at ${decoder.maxPositions}.`);
  }
  const slotBytes = cacheBytesPerToken(decoder) * maxModelLen;
  const fitting = Math.floor((memoryBytes * DEFAULT_SHARE) / slotBytes);
  const slots = asked.slots ?? Math.max(1, Math.min(DEFAULT_SLOTS, fitting));
  const cacheBytes = slots * slotBytes;
  if (cacheBytes > memoryBytes) {
    throw new CapacityError(
      `${slots} sequences of ${maxModelLen} tokens need ${gib(cacheBytes)} of cache, and this machine has ${gib(memoryBytes)} of memory beside the weights; ` +
        'lower MAX_NUM_SEQS or MAX_MODEL_LEN.',
    );
  }
  return { slots, maxModelLen, cacheBytes };
}

/**
 * What a container may use, where that is less than its machine has.
 * @param limit of the control group; undefined or 0 where none is known, and far above `total` where there is none
 */
export function usableMemory(total: number, limit: number | undefined): number {
  return limit ? Math.min(total, limit) : total;
}

/** Weights are in memory twice: mapped from their files, and most of them once more as the runtime packs them for its kernels. */
export function memoryBesideWeights(memoryBytes: number, weightBytes: number): number {
  return Math.max(0, memoryBytes - 2 * weightBytes);
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
