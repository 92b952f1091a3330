/** The file of measurements: one line of JSON each, so that a comparison can be made in several sittings. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** One load by so many clients, or a start (no clients). Times in milliseconds. */
export interface Measurement {
  readonly task: string;
  readonly clients: number;
  /** Servers that were measured in turn with this one, itself among them: what may be compared. */
  readonly beside: readonly string[];
  readonly server: string;
  readonly tokens: number;
  readonly promptTokens: number;
  readonly tokensPerSecond: number;
  readonly firstTokenMs: number;
  readonly firstTokenP95Ms: number;
  readonly gapMs: number;
  readonly gapP99Ms: number;
  /** From the start of the process to the first token, of a start. */
  readonly startMs: number | null;
}

export class RecordFile {
  readonly #path: string;
  readonly #lines: Measurement[];

  private constructor(path: string, lines: Measurement[]) {
    this.#path = path;
    this.#lines = lines;
  }

  static async open(path: string): Promise<RecordFile> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    return new RecordFile(
      path,
      lines.map((line) => JSON.parse(line) as Measurement),
    );
  }

  get measurements(): readonly Measurement[] {
    return this.#lines;
  }

  async add(measurements: readonly Measurement[]): Promise<void> {
    this.#lines.push(...measurements);
    await appendFile(this.#path, measurements.map((measurement) => `${JSON.stringify(measurement)}\n`).join(''));
  }

  /** Rounds that are complete: all of `beside` in turn. */
  rounds(task: string, clients: number, beside: readonly string[]): number {
    const together = beside.join();
    const [first] = beside;
    return this.#lines.filter(
      (line) => line.task === task && line.clients === clients && line.server === first && line.beside.join() === together,
    ).length;
  }
}
