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
/** The same where the bytes are given: as many as vLLM runs at once. */
const MOST_SLOTS = 256;
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
  asked: { readonly slots?: number; readonly maxModelLen?: number; readonly cacheBytes?: number },
  memoryBytes: number,
): Capacity {
  const maxModelLen = asked.maxModelLen ?? decoder.maxPositions;
  if (maxModelLen > decoder.maxPositions) {
    throw new CapacityError(`MAX_MODEL_LEN is ${maxModelLen}, but this model's positions end at ${decoder.maxPositions}.`);
  }
  const slotBytes = cacheBytesPerToken(decoder) * maxModelLen;
  if (asked.cacheBytes !== undefined) checkLimit(asked.cacheBytes, memoryBytes, slotBytes, maxModelLen);
  const fitting =
    asked.cacheBytes === undefined
      ? Math.max(1, Math.min(DEFAULT_SLOTS, Math.floor((memoryBytes * DEFAULT_SHARE) / slotBytes)))
      : Math.min(MOST_SLOTS, Math.floor(asked.cacheBytes / slotBytes));
  const slots = asked.slots ?? fitting;
  const cacheBytes = slots * slotBytes;
  const needed = `${slots} sequences of ${maxModelLen} tokens need ${inUnits(cacheBytes)} of cache`;
  if (asked.cacheBytes !== undefined && cacheBytes > asked.cacheBytes) {
    throw new CapacityError(
      `${needed}, and KV_CACHE_MEMORY_BYTES allows ${inUnits(asked.cacheBytes)}; lower MAX_NUM_SEQS to ${fitting} or leave it out, or lower MAX_MODEL_LEN.`,
    );
  }
  if (cacheBytes > memoryBytes) {
    throw new CapacityError(
      `${needed}, and this machine has ${inUnits(memoryBytes)} of memory beside the weights; lower MAX_NUM_SEQS or MAX_MODEL_LEN.`,
    );
  }
  return { slots, maxModelLen, cacheBytes };
}

/** @throws CapacityError for a limit that not one sequence fits in, or that the machine does not have */
function checkLimit(limit: number, memoryBytes: number, slotBytes: number, maxModelLen: number): void {
  const setting = `KV_CACHE_MEMORY_BYTES is ${limit} (${inUnits(limit)})`;
  if (limit > memoryBytes) {
    throw new CapacityError(`${setting}, but this machine has ${inUnits(memoryBytes)} of memory beside the weights; lower it.`);
  }
  if (limit < slotBytes) {
    const fitting = Math.floor((limit / slotBytes) * maxModelLen);
    throw new CapacityError(
      `${setting}, but one sequence of ${maxModelLen} tokens needs ${slotBytes} (${inUnits(slotBytes)}); raise it${fitting < 1 ? '' : `, or set MAX_MODEL_LEN to at most ${fitting}`}.`,
    );
  }
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

/** Bytes as people read them. */
export function inUnits(bytes: number): string {
  const power = bytes < 2 ** 20 ? 1 : bytes < 2 ** 30 ? 2 : 3;
  return `${(bytes / 1024 ** power).toFixed(1)} ${['KiB', 'MiB', 'GiB'][power - 1]}`;
}
