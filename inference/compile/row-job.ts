/** How rows of checkpoint tensors become rows of initialisers: the unit of work of the weight writer. */
import type { SourceTensor } from './checkpoint.ts';

/** What a row of `columns` weights is turned into. */
export type RowEncoding =
  | { readonly kind: 'float32' }
  /** Blocks of `block` weights along the row, `bits` each, with one float32 scale a block, as MatMulNBits wants them. */
  | { readonly kind: 'blocks'; readonly bits: 4 | 8; readonly block: number };

/** The rows of `sources`, one after the other, all `columns` wide, encoded into one or more parallel parts. */
export interface RowJob {
  readonly sources: readonly SourceTensor[];
  readonly columns: number;
  readonly encoding: RowEncoding;
}

/** Bytes that one encoded row takes in each part. */
export function bytesPerRow(columns: number, encoding: RowEncoding): number[] {
  if (encoding.kind === 'float32') return [columns * 4];
  const blocks = Math.ceil(columns / encoding.block);
  return [(blocks * encoding.block * encoding.bits) / 8, blocks * 4];
}

export function rowsOf(job: RowJob): number {
  return job.sources.reduce((sum, source) => sum + source.elements / job.columns, 0);
}
