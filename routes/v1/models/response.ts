/** From a model to the objects that list it, one for each of its names; pure. */
import type { Static } from 'typebox';
import type { ModelInfo } from '../../../inference/types.ts';
import type { ModelObject } from './schema.ts';

const owner = 'firellava-gateway';

/** `root` of an alias is the primary name, as vLLM has it. */
export function modelObjects({ names, created, maxModelLen, license, modalities }: ModelInfo): Static<typeof ModelObject>[] {
  return names.map((id) => ({
    id,
    object: 'model',
    created,
    owned_by: owner,
    root: names[0] ?? id,
    ...(maxModelLen !== undefined && { max_model_len: maxModelLen }),
    license,
    ...(modalities !== undefined && { modalities: [...modalities] }),
  }));
}
