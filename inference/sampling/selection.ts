/** Finds where a ranked list is to be cut, in time linear in its length: by histograms, never by sorting the vocabulary. */
import { LOWEST_SCORE } from './exponential.ts';

const BUCKETS = 8192;
/** So few entries are sorted rather than divided again. */
const FEW = 64;

/** Entries with a key above `key` are kept, and those with that very key up to the place `place`. */
export interface Cut {
  readonly key: number;
  readonly place: number;
}

/** Scratch for lists of up to `capacity` entries; nothing of their length is allocated for a list. */
export class Selection {
  /** Mass of the entries by bucket, the best first. */
  readonly #massOf = new Float64Array(BUCKETS + 1);
  /** Places of the entries among which the cut is. */
  readonly #places: Int32Array;

  constructor(capacity: number) {
    this.#places = new Int32Array(capacity);
  }

  /**
   * Cuts after the fewest best entries whose summed mass reaches `goal`, at least one. Larger keys are better, and of equal
   * ones the lower place.
   * @param keys the first `count` in use, from LOWEST_SCORE to 0
   * @param masses of the same entries, not negative
   * @returns null if the goal is out of reach, be it by rounding: all stay
   */
  cut(keys: Float32Array, masses: Float64Array, count: number, goal: number): Cut | null {
    const scale = BUCKETS / LOWEST_SCORE;
    const massOf = this.#massOf;
    massOf.fill(0);
    for (let i = 0; i < count; i++) {
      const bucket = ((keys[i] as number) * scale) | 0;
      massOf[bucket] = (massOf[bucket] as number) + (masses[i] as number);
    }
    let missing = goal;
    let crossing = 0;
    while (crossing <= BUCKETS && (massOf[crossing] as number) < missing) missing -= massOf[crossing++] as number;
    if (crossing > BUCKETS) return null;

    const places = this.#places;
    let size = 0;
    for (let i = 0; i < count; i++) if ((((keys[i] as number) * scale) | 0) === crossing) places[size++] = i;
    return this.#cutAmong(size, keys, masses, missing);
  }

  /** The cut among `size` places, in ascending order, by buckets that get finer until few or equal entries are left. */
  #cutAmong(count: number, keys: Float32Array, masses: Float64Array, goal: number): Cut {
    const places = this.#places;
    const massOf = this.#massOf;
    let size = count;
    let missing = goal;
    while (size > FEW) {
      const [low, high] = rangeOf(keys, places, size);
      if (low === high) break;
      const scale = BUCKETS / (high - low);
      massOf.fill(0);
      for (let i = 0; i < size; i++) {
        const place = places[i] as number;
        const bucket = ((high - (keys[place] as number)) * scale) | 0;
        massOf[bucket] = (massOf[bucket] as number) + (masses[place] as number);
      }
      // That of `low`: should rounding put the goal out of reach, at least it is not empty.
      const lastBucket = ((high - low) * scale) | 0;
      let crossing = 0;
      while (crossing < lastBucket && (massOf[crossing] as number) < missing) missing -= massOf[crossing++] as number;
      let kept = 0;
      for (let i = 0; i < size; i++) {
        const place = places[i] as number;
        if ((((high - (keys[place] as number)) * scale) | 0) === crossing) places[kept++] = place;
      }
      size = kept;
    }
    if (size <= FEW) sortByKey(keys, places, size);
    let last = places[0] as number;
    for (let i = 0, sum = 0; i < size && sum < missing; i++) {
      last = places[i] as number;
      sum += masses[last] as number;
    }
    return { key: keys[last] as number, place: last };
  }
}

function rangeOf(keys: Float32Array, places: Int32Array, size: number): [low: number, high: number] {
  let low = 0;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < size; i++) {
    const key = keys[places[i] as number] as number;
    if (key < low) low = key;
    if (key > high) high = key;
  }
  return [low, high];
}

/** By insertion, the best key first; equal ones keep their order. */
function sortByKey(keys: Float32Array, places: Int32Array, size: number): void {
  for (let i = 1; i < size; i++) {
    const place = places[i] as number;
    const key = keys[place] as number;
    let at = i;
    for (; at > 0 && (keys[places[at - 1] as number] as number) < key; at--) places[at] = places[at - 1] as number;
    places[at] = place;
  }
}
