/** A checkpoint that cannot be served stops with one line: the file, the tensor or field, what was expected and found. */
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { compileCheckpoint } from '../../../inference/compile/compile.ts';
import { CheckpointError } from '../../../inference/errors.ts';
import { temporaryFolder } from '../references.ts';
import { copyOf, editHeader, editJson } from './damage.ts';

const SINGLE = 'model.safetensors';
const SHARD = 'model-00002-of-00003.safetensors';
const INDEX = 'model.safetensors.index.json';

const cases: readonly {
  readonly title: string;
  readonly fixture: string;
  readonly damage: (folder: string) => Promise<void>;
  readonly message: string | RegExp;
}[] = [
  {
    title: 'a missing tensor, spelt as this checkpoint spells it',
    fixture: 'legacy-names',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        const name = 'vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight';
        header['something_else'] = header[name]!;
        delete header[name];
      }),
    message: 'model.safetensors: tensor vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight is missing, expected shape [64, 32]',
  },
  {
    title: 'a missing head of a checkpoint that does not tie it to the embedding',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editJson(folder, 'config.json', (json) => {
        json['tie_word_embeddings'] = false;
        (json['text_config'] as Record<string, unknown>)['tie_word_embeddings'] = false;
      }),
    message: 'model.safetensors: tensor lm_head.weight is missing, expected shape [456, 64]',
  },
  {
    title: 'a tensor of another shape',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        header['multi_modal_projector.linear_2.weight']!.shape = [32, 128];
      }),
    message: 'model.safetensors: tensor multi_modal_projector.linear_2.weight has a wrong shape, expected [64, 64], found [32, 128]',
  },
  {
    title: 'a tensor whose bytes do not fit its shape',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        header['language_model.model.norm.weight']!.shape = [63];
      }),
    message: 'model.safetensors: tensor language_model.model.norm.weight takes 128 bytes, expected 126 for BF16 [63]',
  },
  {
    title: 'two tensors over the same bytes',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        const [up, down] = ['up', 'down'].map((name) => header[`language_model.model.layers.0.mlp.${name}_proj.weight`]!);
        up!.data_offsets = down!.data_offsets;
      }),
    message:
      /model\.safetensors: damaged, tensors \S+\.0\.mlp\.(up|down)_proj\.weight and \S+\.0\.mlp\.(up|down)_proj\.weight overlap from byte \d+$/,
  },
  {
    title: 'bytes between tensors that belong to none',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        delete header['language_model.model.norm.weight'];
      }),
    message: /model\.safetensors: damaged, the 128 bytes from byte \d+ between tensors \S+ and \S+ belong to no tensor$/,
  },
  {
    title: 'a type that is not read',
    fixture: 'gqa-tied',
    damage: (folder) =>
      editHeader(folder, SINGLE, (header) => {
        header['language_model.model.norm.weight']!.dtype = 'F8_E4M3';
      }),
    message: 'model.safetensors: tensor language_model.model.norm.weight has an unsupported type, expected F32, F16, BF16, found F8_E4M3',
  },
  {
    title: 'a shard that was cut off',
    fixture: 'mha-full',
    damage: (folder) => truncate(join(folder, SHARD), 20_000),
    message: `${SHARD}: truncated, tensor`,
  },
  {
    title: 'a shard cut off within its header',
    fixture: 'mha-full',
    damage: (folder) => truncate(join(folder, SHARD), 100),
    message: `${SHARD}: truncated, its header ends at byte`,
  },
  {
    title: 'an empty shard',
    fixture: 'mha-full',
    damage: (folder) => truncate(join(folder, SHARD), 0),
    message: `${SHARD}: truncated, expected a header of at least 8 bytes, found 0 bytes in all`,
  },
  {
    title: 'a shard that is not there',
    fixture: 'mha-full',
    damage: (folder) => rm(join(folder, SHARD)),
    message: `${SHARD}: cannot be opened (ENOENT)`,
  },
  {
    title: 'a shard without a tensor that the index lists in it',
    fixture: 'mha-full',
    damage: (folder) =>
      editJson(folder, INDEX, (json) => {
        (json['weight_map'] as Record<string, string>)['model.no_such.weight'] = SHARD;
      }),
    message: `${SHARD}: tensor model.no_such.weight is missing, although ${INDEX} lists it there`,
  },
  {
    title: 'an index that points out of the folder',
    fixture: 'mha-full',
    damage: (folder) =>
      editJson(folder, INDEX, (json) => {
        (json['weight_map'] as Record<string, string>)['lm_head.weight'] = '../secret';
      }),
    message: `${INDEX}: shard "../secret" is not the name of a file in the checkpoint's folder`,
  },
  {
    title: 'an index that is something else',
    fixture: 'mha-full',
    damage: (folder) => writeFile(join(folder, INDEX), '[]'),
    message: `${INDEX}: expected a JSON object with a weight_map`,
  },
  {
    title: 'a file that is something else',
    fixture: 'gqa-tied',
    damage: (folder) => writeFile(join(folder, SINGLE), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
    message: 'model.safetensors: not a safetensors file, its header would take',
  },
  {
    title: 'a folder without weights',
    fixture: 'gqa-tied',
    damage: (folder) => rm(join(folder, SINGLE)),
    message: 'found neither model.safetensors nor model.safetensors.index.json; expected a Hugging Face folder with safetensors weights',
  },
  {
    title: 'a folder without config.json',
    fixture: 'gqa-tied',
    damage: (folder) => rm(join(folder, 'config.json')),
    message: 'config.json is missing; expected a Hugging Face checkpoint folder',
  },
  {
    title: 'a config.json that is not JSON',
    fixture: 'gqa-tied',
    damage: (folder) => writeFile(join(folder, 'config.json'), '{'),
    message: 'config.json: is not valid JSON',
  },
];

for (const { title, fixture, damage, message } of cases) {
  t.test(title, async (t) => {
    const folder = await copyOf(t, fixture);
    await damage(folder);
    const error = await compileCheckpoint(folder, { quantization: 'none', cacheDir: await temporaryFolder(t) }).catch((error) => error);
    t.type(error, CheckpointError);
    t.match(error.message, message);
    t.notMatch(error.message, '\n', 'one line');
    t.ok(error.message.startsWith(folder), 'with the folder');
    t.equal(error.message.split(folder).length, 2, 'once');
  });
}
