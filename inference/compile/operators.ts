/** The operators that the architectures use, by their ONNX names; shapes are in each comment. */
import { type Attribute, GraphBuilder, type Value } from './graph-builder.ts';

const MICROSOFT = 'com.microsoft';

export interface GroupQueryAttentionInputs {
  /** `[batch, tokens, (heads + 2·kvHeads)·headDim]`: query, key and value side by side. */
  readonly qkv: Value;
  readonly pastKey: Value;
  readonly pastValue: Value;
  readonly seqlensK: Value;
  readonly totalSequenceLength: Value;
  /** `[positions, headDim/2]` */
  readonly cosCache: Value;
  readonly sinCache: Value;
}

export class Operators extends GraphBuilder {
  #one(type: string, inputs: readonly (Value | null)[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ''): Value {
    return this.node(type, inputs, { attributes, domain })[0] as Value;
  }

  Add = (a: Value, b: Value) => this.#one('Add', [a, b]);
  Mul = (a: Value, b: Value) => this.#one('Mul', [a, b]);
  Relu = (x: Value) => this.#one('Relu', [x]);
  Gelu = (x: Value, approximate: 'none' | 'tanh') => this.#one('Gelu', [x], { approximate });
  /** x·sigmoid(alpha·x) */
  QuickGelu = (x: Value, alpha: number) => this.#one('QuickGelu', [x], { alpha: { float: alpha } }, MICROSOFT);
  Where = (condition: Value, a: Value, b: Value) => this.#one('Where', [condition, a, b]);
  GreaterOrEqual = (a: Value, b: Value) => this.#one('GreaterOrEqual', [a, b]);
  Shape = (x: Value, start = 0, end?: number) => this.#one('Shape', [x], end === undefined ? { start } : { start, end });
  Reshape = (x: Value, shape: Value) => this.#one('Reshape', [x, shape]);
  Unsqueeze = (x: Value, axes: readonly number[]) => this.#one('Unsqueeze', [x, this.int64(axes)]);
  Transpose = (x: Value, perm: readonly number[]) => this.#one('Transpose', [x], { perm });
  Expand = (x: Value, shape: Value) => this.#one('Expand', [x, shape]);
  Concat = (values: readonly Value[], axis: number) => this.#one('Concat', values, { axis });
  /** Elements `start … end - 1` along one axis. */
  Slice = (x: Value, start: number, end: number, axis: number) =>
    this.#one('Slice', [x, this.int64([start]), this.int64([end]), this.int64([axis])]);
  /** Rows of `table` along its first axis; a negative index counts from the end. */
  Gather = (table: Value, indices: Value) => this.#one('Gather', [table, indices], { axis: 0 });
  /** `[n, in]` × transposed `[out, in]` + `[out]`: a linear layer in the checkpoint's own layout. */
  Gemm = (x: Value, weight: Value, bias: Value | null) => this.#one('Gemm', bias ? [x, weight, bias] : [x, weight], { transB: 1 });
  Conv = (x: Value, weight: Value, bias: Value | null, kernel: number, stride: number) =>
    this.#one('Conv', bias ? [x, weight, bias] : [x, weight], { kernel_shape: [kernel, kernel], strides: [stride, stride] });
  LayerNormalization = (x: Value, scale: Value, bias: Value, epsilon: number) =>
    this.#one('LayerNormalization', [x, scale, bias], { axis: -1, epsilon: { float: epsilon } });
  /** Root-mean-square normalisation; the runtime registers it in ONNX's own domain. */
  SimplifiedLayerNormalization = (x: Value, scale: Value, epsilon: number) =>
    this.#one('SimplifiedLayerNormalization', [x, scale], { axis: -1, epsilon: { float: epsilon }, stash_type: 1 });

  /** Returns the normalised sum and the sum itself. */
  SkipSimplifiedLayerNormalization(x: Value, skip: Value, scale: Value, epsilon: number): [normalised: Value, sum: Value] {
    const outputs = this.node('SkipSimplifiedLayerNormalization', [x, skip, scale], {
      attributes: { epsilon: { float: epsilon } },
      domain: MICROSOFT,
      outputs: 4,
    });
    return [outputs[0] as Value, outputs[3] as Value];
  }

  /** `x` `[n, K]` times weights quantised in blocks along K; `accuracy_level` 4 multiplies in int8. */
  MatMulNBits(
    x: Value,
    packed: Value,
    scales: Value,
    bias: Value | null,
    size: { readonly K: number; readonly N: number; readonly bits: number; readonly block: number },
  ): Value {
    const inputs = bias ? [x, packed, scales, null, null, bias] : [x, packed, scales];
    return this.#one(
      'MatMulNBits',
      inputs,
      { K: size.K, N: size.N, bits: size.bits, block_size: size.block, accuracy_level: 4 },
      MICROSOFT,
    );
  }

  /** Attention of all positions to all; query, key, value and the result are `[batch, positions, hidden]`. */
  MultiHeadAttention = (query: Value, key: Value, value: Value, heads: number) =>
    this.#one('MultiHeadAttention', [query, key, value], { num_heads: heads }, MICROSOFT);

  /** Causal attention with rotary positions over a cache updated in place; returns `[batch, tokens, heads·headDim]` and the cache. */
  GroupQueryAttention(
    inputs: GroupQueryAttentionInputs,
    options: { readonly heads: number; readonly kvHeads: number; readonly localWindow: number | null },
  ): [output: Value, presentKey: Value, presentValue: Value] {
    const outputs = this.node(
      'GroupQueryAttention',
      [
        inputs.qkv,
        null,
        null,
        inputs.pastKey,
        inputs.pastValue,
        inputs.seqlensK,
        inputs.totalSequenceLength,
        inputs.cosCache,
        inputs.sinCache,
      ],
      {
        attributes: {
          num_heads: options.heads,
          kv_num_heads: options.kvHeads,
          do_rotary: 1,
          rotary_interleaved: 0,
          ...(options.localWindow === null ? {} : { local_window_size: options.localWindow }),
        },
        domain: MICROSOFT,
        outputs: 3,
      },
    );
    return outputs as [Value, Value, Value];
  }
}
