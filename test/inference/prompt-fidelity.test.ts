/** Around the model, too, everything is as in transformers: rendered prompts, token ids, pixel values, decoded text. */
import sharp from 'sharp';
import t from 'tap';
import { readCheckpointConfig } from '../../inference/compile/config.ts';
import { tokensPerImage } from '../../inference/models/config.ts';
import { loadChatTemplate } from '../../inference/text/chat-template.ts';
import { buildPrompt } from '../../inference/text/prompt.ts';
import { loadTokenizer } from '../../inference/text/tokenizer.ts';
import type { ChatMessage, RgbImage } from '../../inference/types.ts';
import { createPreprocessor } from '../../inference/vision/preprocess.ts';
import { readReference, referenceNames } from './references.ts';

async function readPicture(file: string): Promise<RgbImage> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8Array(data), hash: file };
}

for (const name of await referenceNames()) {
  t.test(name, async (t) => {
    const { checkpoint, prompts } = await readReference(name);
    const { vision } = await readCheckpointConfig(checkpoint);
    const tokenizer = await loadTokenizer(checkpoint);
    const template = await loadChatTemplate(checkpoint, tokenizer);
    const spec = vision && {
      imageHeight: vision.tower.imageSize,
      imageWidth: vision.tower.imageSize,
      tokensPerImage: tokensPerImage(vision),
      imageTokenId: vision.imageTokenId,
    };
    for (const prompt of prompts) {
      const images = await Promise.all(prompt.pictures.map(readPicture));
      let next = 0;
      const messages = prompt.messages.map(
        ({ role, content }): ChatMessage => ({
          role,
          content: content.map((part) => (part.type === 'text' ? part : { type: 'image', image: images[next++]! })),
        }),
      );
      const built = buildPrompt({ kind: 'chat', messages, addGenerationPrompt: true }, tokenizer, template, spec, name);
      t.equal(built.promptText, prompt.rendered, `${prompt.name}: rendered`);
      t.same(built.ids, prompt.inputIds, `${prompt.name}: ids`);
      t.equal(tokenizer.decode(prompt.tokens.slice(0, -1)), prompt.text, `${prompt.name}: text`);
    }
    if (!vision) return;
    const preprocessor = await createPreprocessor(checkpoint, { workers: 1 });
    t.teardown(() => preprocessor.close());
    const { pictures, pixels } = prompts.find(({ pictures }) => pictures.length === 2)!;
    for (const [i, picture] of pictures.entries()) {
      const found = await preprocessor.run(await readPicture(picture));
      const differences = found.map((value, at) => Math.abs(value - pixels[i]![at]!));
      // A step of an 8-bit channel is about 1/255/0.26 = 0.015 here.
      t.equal(found.length, pixels[i]!.length);
      t.ok(Math.max(...differences) < 1e-5, `picture ${i}: pixel values differ by at most ${Math.max(...differences)}`);
    }
  });
}
