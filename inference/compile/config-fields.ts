/** Typed access to the fields of one section of a config file, with the defaults of its model type. */
import { CheckpointError } from '../errors.ts';

export class ConfigFields {
  readonly #file: string;
  readonly #section: string;
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #defaults: Readonly<Record<string, unknown>>;

  constructor(file: string, section: string, json: Readonly<Record<string, unknown>>, defaults: Readonly<Record<string, unknown>>) {
    this.#file = file;
    this.#section = section;
    this.#json = json;
    this.#defaults = defaults;
  }

  /** What the file says, else the default; null and an absent field both mean the default. */
  value(name: string): unknown {
    return this.#json[name] ?? this.#defaults[name];
  }

  has(name: string): boolean {
    const value = this.#json[name] === null ? null : this.value(name);
    return value !== undefined && value !== null;
  }

  /** A positive integer. */
  size(name: string): number {
    const value = this.value(name);
    if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
    throw this.refusal(name, 'a positive integer');
  }

  integer(name: string): number {
    const value = this.value(name);
    if (Number.isSafeInteger(value)) return value as number;
    throw this.refusal(name, 'an integer');
  }

  positive(name: string): number {
    const value = this.value(name);
    if (typeof value === 'number' && value > 0) return value;
    throw this.refusal(name, 'a positive number');
  }

  flag(name: string): boolean {
    const value = this.value(name) ?? false;
    if (typeof value === 'boolean') return value;
    throw this.refusal(name, 'true or false');
  }

  /** A string that is a key of `table`; `otherwise` if absent. */
  key(name: string, table: Readonly<Record<string, unknown>>, otherwise?: string): string {
    const value = this.value(name) ?? otherwise;
    if (typeof value === 'string' && Object.hasOwn(table, value)) return value;
    throw this.refusal(name, `one of ${Object.keys(table).join(', ')}`);
  }

  /** A list of strings, empty if absent. */
  list(name: string): string[] {
    const value = this.value(name) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw this.refusal(name, 'a list of names');
  }

  /** One token id or several; none if absent. */
  ids(name: string): number[] {
    const value = this.value(name);
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    if (list.every(Number.isSafeInteger)) return list as number[];
    throw this.refusal(name, 'a token id or a list of them');
  }

  /** An object, empty if absent. */
  section(name: string): Record<string, unknown> {
    const value = this.value(name) ?? {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.refusal(name, 'an object');
  }

  /** The fields of an object, with defaults. */
  nested(name: string, defaults: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(this.#file, this.#path(name), this.section(name), defaults);
  }

  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(this.#file, this.#section, this.#json, defaults);
  }

  refusal(name: string, expected: string): CheckpointError {
    const found = this.value(name);
    return this.error(
      `${this.#path(name)} ${found === undefined ? 'is missing' : `${JSON.stringify(found)} is not supported`}, expected ${expected}`,
    );
  }

  /** An error that names the file. */
  error(reason: string): CheckpointError {
    return new CheckpointError(`${this.#file}: ${reason}`);
  }

  #path(name: string): string {
    return this.#section ? `${this.#section}.${name}` : name;
  }
}
