/** The exponential of scores, several times as fast as `Math.exp`, which V8 calls as a function outside of its compiled code. */

/** Scores below this, 2^-128 of the likeliest token's probability, count as nothing: they are beyond float32's normal numbers. */
export const LOWEST_SCORE = -128 * Math.LN2;

const STEPS_PER_OCTAVE = 64;
const STEPS_PER_UNIT = STEPS_PER_OCTAVE / Math.LN2;
const UNITS_PER_STEP = Math.LN2 / STEPS_PER_OCTAVE;
/** `2^(-i / 64)` */
const powers = Float64Array.from({ length: 128 * STEPS_PER_OCTAVE + 1 }, (_, i) => 2 ** (-i / STEPS_PER_OCTAVE));

/**
 * e^score from a table of 64 powers an octave and a Taylor polynomial between them, to a relative error below 2·10^-13. Plain
 * arithmetic, so it gives the same bits on every machine.
 * @param score from LOWEST_SCORE to 0
 */
export function exponential(score: number): number {
  const step = (0.5 - score * STEPS_PER_UNIT) | 0;
  const rest = score + step * UNITS_PER_STEP;
  return (powers[step] as number) * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24)))));
}
