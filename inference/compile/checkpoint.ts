/** A checkpoint folder's tensors: found by canonical name over all shards, checked, never read here. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { elementBytes, readSafetensorsHeader, type SafetensorsHeader, type SourceType } from './safetensors.ts';
import { canonicalName, spellLike } from './tensor-names.ts';

/** Where a tensor's bytes lie. */
export interface SourceTensor {
  readonly path: string;
  readonly offset: number;
  readonly dtype: SourceType;
  readonly elements: number;
}

interface Located {
  readonly file: string;
  readonly name: string;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

export class Checkpoint {
  readonly folder: string;
  /** File name → its header, in the order of the names. */
  readonly files: ReadonlyMap<string, SafetensorsHeader>;
  readonly #tensors = new Map<string, Located>();

  private constructor(folder: string, files: ReadonlyMap<string, SafetensorsHeader>) {
    this.folder = folder;
    this.files = files;
    for (const [file, header] of files) {
      for (const name of header.tensors.keys()) {
        const canonical = canonicalName(name);
        if (canonical) this.#tensors.set(canonical, { file, name });
      }
    }
  }

  /**
   * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
   * @throws CheckpointError if neither is there, a shard is missing, damaged or cut off, or lacks a tensor the index lists in it
   */
  static async open(folder: string): Promise<Checkpoint> {
    const weightMap = await readIndex(folder);
    const names = weightMap ? [...new Set(weightMap.values())].sort() : [SINGLE];
    const files = new Map<string, SafetensorsHeader>();
    for (const name of names) files.set(name, await readSafetensorsHeader(join(folder, name)));
    for (const [tensor, file] of weightMap ?? []) {
      if (!files.get(file)?.tensors.has(tensor)) {
        throw new CheckpointError(`${join(folder, file)}: tensor ${tensor} is missing, although ${INDEX} lists it there`);
      }
    }
    return new Checkpoint(folder, files);
  }

  has(canonical: string): boolean {
    return this.#tensors.has(canonical);
  }

  /** @throws CheckpointError naming file, tensor, expected and found, if it is missing, of another shape, or of a type not read */
  tensor(canonical: string, shape: readonly number[]): SourceTensor {
    const located = this.#tensors.get(canonical);
    const entry = located && this.files.get(located.file)?.tensors.get(located.name);
    if (!located || !entry) {
      const present = [...this.files.values()].flatMap((header) => [...header.tensors.keys()]);
      const where = this.files.size > 1 ? `${this.folder} (${this.files.size} shards)` : join(this.folder, ...this.files.keys());
      throw new CheckpointError(`${where}: tensor ${spellLike(canonical, present)} is missing, expected shape [${shape.join(', ')}]`);
    }
    const path = join(this.folder, located.file);
    const where = `${path}: tensor ${located.name}`;
    if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis])) {
      throw new CheckpointError(`${where} has a wrong shape, expected [${shape.join(', ')}], found [${entry.shape.join(', ')}]`);
    }
    if (!Object.hasOwn(elementBytes, entry.dtype)) {
      throw new CheckpointError(`${where} has an unsupported type, expected ${Object.keys(elementBytes).join(', ')}, found ${entry.dtype}`);
    }
    const dtype = entry.dtype as SourceType;
    return { path, offset: entry.offset, dtype, elements: entry.byteLength / elementBytes[dtype] };
  }
}

/** Tensor name → shard, or null if the checkpoint is one file. */
async function readIndex(folder: string): Promise<Map<string, string> | null> {
  if (await exists(join(folder, SINGLE))) return null;
  let text: string;
  try {
    text = await readFile(join(folder, INDEX), 'utf8');
  } catch (error) {
    throw new CheckpointError(`${folder}: found neither ${SINGLE} nor ${INDEX}; expected a Hugging Face folder with safetensors weights`, {
      cause: error,
    });
  }
  try {
    const { weight_map: weightMap } = JSON.parse(text) as { weight_map: Record<string, string> };
    const shards = new Map(Object.entries(weightMap));
    const outside = [...shards.values()].find((shard) => basename(shard) !== shard);
    if (outside === undefined) return shards;
    throw new CheckpointError(
      `${join(folder, INDEX)}: shard ${JSON.stringify(outside)} is not the name of a file in the checkpoint's folder`,
    );
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${join(folder, INDEX)}: expected a JSON object with a weight_map`, { cause: error });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
