/** Activation functions by the names that checkpoints give them. */

import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';

type Activation = (g: Operators, x: Value) => Value;

const silu: Activation = (g, x) => g.QuickGelu(x, 1);
const geluTanh: Activation = (g, x) => g.Gelu(x, 'tanh');

export const activations: Readonly<Record<string, Activation>> = {
  silu,
  swish: silu,
  gelu: (g, x) => g.Gelu(x, 'none'),
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: (g, x) => g.QuickGelu(x, 1.702),
  relu: (g, x) => g.Relu(x),
};

/** @param name a key of `activations`, checked when the config was read */
export function activate(g: Operators, name: string, x: Value): Value {
  const activation = activations[name];
  if (!activation) throw new TypeError(`no activation is named ${name}`);
  return activation(g, x);
}
