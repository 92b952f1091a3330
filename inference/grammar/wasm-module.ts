/** The engine's WebAssembly: llguidance (Microsoft, MIT) as the package `transformers-llguidance` carries it. */
import { readdir, readFile } from 'node:fs/promises';

const PREFIX = 'data:application/wasm;base64,';

/**
 * The package's own interface decodes byte-level tokens wrongly and knows neither shared vocabularies nor copies of a state.
 * Its binary also exports llguidance's whole C interface, so only the binary is taken: it is the data URI inside of a bundle.
 * @throws Error if the package has changed its form; its version is pinned
 */
export async function compileModule(): Promise<WebAssembly.Module> {
  const folder = new URL('.', import.meta.resolve('transformers-llguidance'));
  const name = (await readdir(folder)).find((file) => file.startsWith('llguidance_wasm') && file.endsWith('.js'));
  const bundle = name === undefined ? '' : await readFile(new URL(name, folder), 'latin1');
  const start = bundle.indexOf(PREFIX);
  if (start < 0) throw new Error('transformers-llguidance has no WebAssembly where it was expected; install the pinned version.');
  const end = bundle.indexOf('"', start);
  return WebAssembly.compile(Buffer.from(bundle.slice(start + PREFIX.length, end), 'base64'));
}
