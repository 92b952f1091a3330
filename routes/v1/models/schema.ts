/** What the model endpoints give. */
import { Type } from 'typebox';

export const ModelObject = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Unix seconds.' }),
  owned_by: Type.String(),
  root: Type.String({ description: 'The name that this one is an alias of.' }),
  max_model_len: Type.Optional(
    Type.Integer({ description: 'Most tokens of prompt and answer together; absent while the model loads, unless it is set.' }),
  ),
  license: Type.String(),
  modalities: Type.Optional(Type.Array(Type.Enum(['text', 'image']), { description: 'Absent while the model loads.' })),
});

export const ModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(ModelObject) });

export const ModelParams = Type.Object({ '*': Type.String({ description: 'Name or alias of a model.' }) });
