/** Hands a checkpoint's weights to the architectures, by canonical name, as initialisers of a graph. */
import type { Checkpoint } from './checkpoint.ts';
import type { Value } from './graph-builder.ts';
import type { Operators } from './operators.ts';
import { encodingOf, type Quantization } from './quantisation.ts';
import { bytesPerRow, type RowJob } from './row-job.ts';

interface Shared {
  readonly graph: Operators;
  readonly checkpoint: Checkpoint;
  readonly quantization: Quantization;
  /** Initialisers made so far, so that tied weights are stored once. */
  readonly known: Map<string, Value>;
}

export class Weights {
  readonly #shared: Shared;
  readonly #prefix: string;

  private constructor(shared: Shared, prefix: string) {
    this.#shared = shared;
    this.#prefix = prefix;
  }

  static of(graph: Operators, checkpoint: Checkpoint, quantization: Quantization): Weights {
    return new Weights({ graph, checkpoint, quantization, known: new Map() }, '');
  }

  /** The weights below `name`. */
  scope(name: string): Weights {
    return new Weights(this.#shared, `${this.#prefix}${name}.`);
  }

  /** One tensor as float32. @throws CheckpointError if it is missing or its shape differs */
  tensor(name: string, shape: readonly number[]): Value {
    const full = this.#prefix + name;
    return this.#initializer(full, shape, {
      sources: [this.#shared.checkpoint.tensor(full, shape)],
      columns: shape.slice(1).reduce((product, size) => product * size, 1),
      encoding: { kind: 'float32' },
    });
  }

  /**
   * `x` `[n, inFeatures]` through the linear layers `names`, whose results stand side by side: `[n, Σ outFeatures]`.
   * Float32 or quantised, as the table in `quantisation.ts` says.
   * @throws CheckpointError if a weight or bias is missing or its shape differs
   */
  linear(x: Value, names: readonly string[], inFeatures: number, outFeatures: readonly number[], hasBias: boolean): Value {
    const { graph, checkpoint, quantization } = this.#shared;
    const layers = names.map((name) => this.#prefix + name);
    const name = layers.length === 1 ? String(layers[0]) : `${this.#prefix}${names.join('+')}`;
    const N = outFeatures.reduce((sum, size) => sum + size, 0);
    const sources = layers.map((layer, i) => checkpoint.tensor(`${layer}.weight`, [outFeatures[i] ?? 0, inFeatures]));
    const bias = hasBias ? this.#bias(name, layers, outFeatures, N) : null;
    const encoding = encodingOf(name, inFeatures, N, quantization);
    const job: RowJob = { sources, columns: inFeatures, encoding };
    if (encoding.kind === 'float32') return graph.Gemm(x, this.#initializer(`${name}.weight`, [N, inFeatures], job), bias);

    const { bits, block } = encoding;
    const blocks = Math.ceil(inFeatures / block);
    const [rowBytes = 0] = bytesPerRow(inFeatures, encoding);
    const packed = graph.initializer(`${name}.weight_q${bits}`, 'uint8', [N, blocks, rowBytes / blocks], { job, part: 0 });
    const scales = graph.initializer(`${name}.weight_scales`, 'float32', [N, blocks], { job, part: 1 });
    return graph.MatMulNBits(x, packed, scales, bias, { K: inFeatures, N, bits, block });
  }

  #bias(name: string, layers: readonly string[], outFeatures: readonly number[], N: number): Value {
    const sources = layers.map((layer, i) => this.#shared.checkpoint.tensor(`${layer}.bias`, [outFeatures[i] ?? 0]));
    return this.#initializer(`${name}.bias`, [N], { sources, columns: 1, encoding: { kind: 'float32' } });
  }

  #initializer(name: string, shape: readonly number[], job: RowJob): Value {
    const { graph, known } = this.#shared;
    const value = known.get(name) ?? graph.initializer(name, 'float32', shape, { job, part: 0 });
    known.set(name, value);
    return value;
  }
}
