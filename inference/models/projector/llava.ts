/** The LLaVA-1.5 projector: two linear layers that carry a tower's features into the decoder's embedding space. */
import type { Value } from '../../compile/graph-builder.ts';
import type { Operators } from '../../compile/operators.ts';
import type { Weights } from '../../compile/weights.ts';
import { activate } from '../activations.ts';
import type { VisionConfig } from '../config.ts';

/** @returns `[rows, textHidden]` of features `[rows, towerHidden]` */
export function llavaProjector(g: Operators, weights: Weights, config: VisionConfig, textHidden: number, features: Value): Value {
  const { projectorActivation, projectorBias, tower } = config;
  const scope = weights.scope('multi_modal_projector');
  const wide = activate(g, projectorActivation, scope.linear(features, ['linear_1'], tower.hiddenSize, [textHidden], projectorBias));
  return scope.linear(wide, ['linear_2'], textHidden, [textHidden], projectorBias);
}
