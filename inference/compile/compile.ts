/** Compiles a Hugging Face checkpoint to ONNX graphs with weights that the runtime can map, once for each identity. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckpointConfig, tokensPerImage } from '../models/config.ts';
import { llamaDecoder } from '../models/llama.ts';
import { llavaVision } from '../models/llava.ts';
import type { CompiledModel, ModelSpec } from '../models/spec.ts';
import { CompileCache } from './cache.ts';
import { Checkpoint } from './checkpoint.ts';
import { readCheckpointConfig } from './config.ts';
import { identityOf } from './identity.ts';
import { serializeModel } from './onnx-file.ts';
import { Operators } from './operators.ts';
import { type Quantization, type QuantizationChoice, resolveQuantization } from './quantisation.ts';
import { placeInitializers, writeWeightFile } from './weight-file.ts';
import { Weights } from './weights.ts';

export interface CompileOptions {
  /** Of the decoder's linear layers; "auto" chooses by the decoder's size. */
  readonly quantization: QuantizationChoice;
  /** Where compiled models are kept; made if it is not there. */
  readonly cacheDir: string;
  /** Called with the share of weights done, 0 … 1; not called when the cache has the model. */
  readonly onProgress?: (done: number) => void;
  /** Stops a compilation, which then leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/**
 * @param folder checkpoint in the Hugging Face layout: config.json and safetensors
 * @returns paths into the cache; a second call with the same checkpoint and options only looks them up
 * @throws CheckpointError with one line that names file, tensor or field, what was expected and found
 */
export async function compileCheckpoint(folder: string, options: CompileOptions): Promise<CompiledModel> {
  const config = await readCheckpointConfig(folder);
  const checkpoint = await Checkpoint.open(folder);
  const quantization = resolveQuantization(options.quantization, config.text);
  const key = await identityOf(checkpoint, { quantization });
  const cache = new CompileCache(options.cacheDir);
  await cache.open();
  const manifest =
    (await cache.load(key)) ??
    (await cache.create(key, (temporary) => build(temporary, draw(checkpoint, config, quantization), specOf(config), options)));
  const entry = cache.pathOf(key);
  return {
    folder: entry,
    decoderPath: join(entry, fileName('decoder')),
    visionPath: manifest.spec.vision && join(entry, fileName('vision')),
    spec: manifest.spec,
    key,
  };
}

type Graphs = ReadonlyMap<'decoder' | 'vision', Operators>;

const fileName = (graph: string) => `${graph}.onnx`;

/** Draws the graphs, which checks every tensor they need before a byte is written. */
function draw(checkpoint: Checkpoint, { text, vision }: CheckpointConfig, quantization: Quantization): Graphs {
  const decoder = new Operators();
  llamaDecoder(decoder, Weights.of(decoder, checkpoint, quantization), text, vision !== null);
  if (!vision) return new Map([['decoder', decoder]]);
  const tower = new Operators();
  llavaVision(tower, Weights.of(tower, checkpoint, quantization), vision, text.hiddenSize);
  return new Map([
    ['decoder', decoder],
    ['vision', tower],
  ]);
}

async function build(folder: string, graphs: Graphs, spec: ModelSpec, { onProgress, signal }: CompileOptions): Promise<ModelSpec> {
  const layouts = [...graphs].map(([name, graph]) => ({ name, graph, ...placeInitializers(graph.initializers) }));
  const total = layouts.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    onProgress?.(done / total);
  };
  for (const { name, graph, ...layout } of layouts) {
    const weights = `${name}.weights`;
    await writeWeightFile(join(folder, weights), layout, { onBytes, ...(signal && { signal }) });
    await writeFile(join(folder, fileName(name)), serializeModel(name, graph, layout.places, weights), { flush: true });
  }
  return spec;
}

function specOf({ text, vision }: CheckpointConfig): ModelSpec {
  const { vocabSize, hiddenSize, layers, heads, kvHeads, headDim, maxPositions } = text;
  return {
    decoder: { vocabSize, hiddenSize, layers, heads, kvHeads, headDim, maxPositions },
    vision: vision && {
      imageHeight: vision.tower.imageSize,
      imageWidth: vision.tower.imageSize,
      tokensPerImage: tokensPerImage(vision),
      imageTokenId: vision.imageTokenId,
    },
  };
}
