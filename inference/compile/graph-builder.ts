/** An ONNX graph under construction: named inputs, nodes, initialisers and outputs, in the order they were added. */
import type { RowJob } from './row-job.ts';

export type ElementType = 'float32' | 'uint8' | 'int32' | 'int64';
/** A number, or the name of a size that is free at run time. */
export type Dimension = number | string;
/** Integers, strings, lists of integers, and floats, which are marked because JavaScript's numbers do not tell. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** A tensor that flows along an edge. Its name is settled when the graph is done: an output gives its own. */
export class Value {
  name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface TensorInfo {
  readonly value: Value;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

export interface Node {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Initializer {
  readonly value: Value;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: InitializerData;
}

export type InitializerData =
  /** Known now, and small: stays in the graph file. */
  | Uint8Array
  /** Float32 rows (along the first axis) that are computed when they are written. */
  | { readonly generate: (firstRow: number, rows: number) => Float32Array }
  /** One of the parts that a pass over checkpoint rows will give. */
  | { readonly job: RowJob; readonly part: number };

export class GraphBuilder {
  readonly inputs: TensorInfo[] = [];
  readonly outputs: TensorInfo[] = [];
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  #constants = new Map<string, Value>();
  #count = 0;

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    const value = new Value(name);
    this.inputs.push({ value, type, shape });
    return value;
  }

  output(name: string, value: Value, type: ElementType, shape: readonly Dimension[]): void {
    value.name = name;
    this.outputs.push({ value, type, shape });
  }

  initializer(name: string, type: ElementType, shape: readonly number[], data: InitializerData): Value {
    const value = new Value(name);
    this.initializers.push({ value, type, shape, data });
    return value;
  }

  /** A vector (or, for a bare number, a scalar) of integers; equal ones are shared. */
  int64(numbers: number | readonly number[]): Value {
    const key = JSON.stringify(numbers);
    const known = this.#constants.get(key);
    if (known) return known;
    const list = typeof numbers === 'number' ? [numbers] : numbers;
    const bytes = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    const value = this.initializer(`const_${this.#constants.size}`, 'int64', typeof numbers === 'number' ? [] : [list.length], bytes);
    this.#constants.set(key, value);
    return value;
  }

  /** Adds a node and returns its outputs; a missing optional input is null. */
  node(
    type: string,
    inputs: readonly (Value | null)[],
    options: { readonly attributes?: Node['attributes']; readonly domain?: string; readonly outputs?: number } = {},
  ): Value[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => new Value(`v${this.#count++}`));
    this.nodes.push({ type, domain: options.domain ?? '', inputs, outputs, attributes: options.attributes ?? {} });
    return outputs;
  }
}
