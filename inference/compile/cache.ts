/** The folder of compiled models: an entry appears whole or not at all, and a damaged one is made anew. */
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { ModelSpec } from '../models/spec.ts';

const MANIFEST = 'manifest.json';
/** Times that an entry which can be neither replaced nor loaded is set aside, before the disk is held to be at fault. */
const PUBLISH_ATTEMPTS = 5;
/** Temporary folders of other hosts (a shared volume) are left alone for this long. */
const FOREIGN_STALE_MS = 24 * 3600 * 1000;

/** What an entry says about itself. */
export interface Manifest {
  readonly key: string;
  readonly spec: ModelSpec;
  /** File name → size in bytes; all must be there. */
  readonly files: Readonly<Record<string, number>>;
}

export class CompileCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  pathOf(key: string): string {
    return join(this.#folder, key);
  }

  /** @throws CheckpointError if the folder cannot be made or written to */
  async open(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await access(this.#folder, constants.W_OK);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new CheckpointError(
        `The cache folder ${this.#folder} cannot be used (${code}); set CACHE_DIR to a folder that can be written.`,
        { cause },
      );
    }
  }

  /** The entry's manifest, or null if there is none or one of its files is missing or of another size. */
  async load(key: string): Promise<Manifest | null> {
    const folder = this.pathOf(key);
    try {
      const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
      if (manifest.key !== key) return null;
      for (const [file, size] of Object.entries(manifest.files)) {
        if ((await stat(join(folder, file))).size !== size) return null;
      }
      return manifest;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /**
   * Fills a temporary folder through `build` and renames it to the entry. If another process was quicker, its entry is used.
   * @param build writes the entry's files into the folder and resolves to the model's spec
   */
  async create(key: string, build: (folder: string) => Promise<ModelSpec>): Promise<Manifest> {
    await this.#removeStale();
    const temporary = join(this.#folder, temporaryName(key));
    try {
      await mkdir(temporary);
      const spec = await build(temporary);
      const manifest: Manifest = { key, spec, files: await sizesIn(temporary) };
      await writeFile(join(temporary, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
      return await this.#publish(key, temporary, manifest);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #publish(key: string, temporary: string, manifest: Manifest): Promise<Manifest> {
    for (let attempt = 1; ; attempt++) {
      try {
        await rename(temporary, this.pathOf(key));
        return manifest;
      } catch (error) {
        const taken = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
        if (!taken || attempt === PUBLISH_ATTEMPTS) throw error;
      }
      const theirs = await this.load(key);
      if (theirs) return theirs;
      await this.#setAside(key);
    }
  }

  /** Takes a damaged entry out of the way in one step, so that no other process sees half of it go. */
  async #setAside(key: string): Promise<void> {
    const aside = join(this.#folder, temporaryName(key));
    try {
      await rename(this.pathOf(key), aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await rm(aside, { recursive: true, force: true });
  }

  /** Removes what killed processes have left. */
  async #removeStale(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (await isStale(name, path)) await rm(path, { recursive: true, force: true });
    }
  }
}

/** `<key>.<host>.<pid>.<random>.tmp` */
function temporaryName(key: string): string {
  return `${key}.${host()}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
}

function host(): string {
  return hostname().replaceAll(/[^\w-]/g, '_');
}

async function isStale(name: string, path: string): Promise<boolean> {
  const [, madeOn, pid] = name.match(/^[0-9a-f]+\.([\w-]+)\.(\d+)\.[0-9a-f]+\.tmp$/) ?? [];
  if (!madeOn || !pid) return false;
  if (madeOn === host() && Number(pid) !== process.pid) return !isAlive(Number(pid));
  const modified = await stat(path).then(
    (status) => status.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
  // Our own number, but from before we were started: a container's process always has the same one.
  if (madeOn === host()) return modified < performance.timeOrigin;
  return modified < Date.now() - FOREIGN_STALE_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function sizesIn(folder: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const name of await readdir(folder)) sizes[name] = (await stat(join(folder, name))).size;
  return sizes;
}
