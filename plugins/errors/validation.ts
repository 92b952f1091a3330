/** Says in OpenAI's words which field of a request broke its JSON schema, and how. */
import type { FastifySchemaValidationError } from 'fastify';
import { ApiError } from './api-error.ts';

/** What Ajv reports with `verbose: true`: the members that the findings below read. */
interface Violation {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly message?: string;
  readonly params: {
    readonly missingProperty?: string;
    readonly type?: string;
    readonly limit?: number;
    readonly allowedValues?: readonly unknown[];
    readonly allowedValue?: unknown;
    readonly pattern?: string;
    readonly tag?: string;
    readonly tagValue?: unknown;
  };
  /** The offending value. */
  readonly data?: unknown;
  /** The schema that holds the broken keyword. */
  readonly parentSchema?: { readonly type?: string; readonly anyOf?: readonly Branch[]; readonly oneOf?: readonly Branch[] };
}

interface Branch {
  readonly title?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, { readonly const?: unknown; readonly enum?: readonly unknown[] }>>;
}

interface Finding {
  readonly code: string;
  readonly message: string;
  /** Replaces the path of the violation where the field is another one (a missing member, a wrong tag). */
  readonly param?: string;
}

/** @param violations what Ajv reported for one body, parameter set or query; at least one */
export function validationError(violations: readonly FastifySchemaValidationError[]): ApiError {
  const violation = mostTelling(violations as readonly Violation[]);
  const path = fieldName(violation.instancePath);
  const describe = findings[violation.keyword];
  const { code, message, param } = describe?.(path, violation) ?? {
    code: 'invalid_value',
    message: `Invalid ${quoted(path)}: ${violation.message ?? 'it does not match the schema'}.`,
  };
  return new ApiError(message, { status: 400, code, param: (param ?? path) || null });
}

const findings: Readonly<Record<string, (path: string, violation: Violation) => Finding>> = {
  required: (path, { params }) => {
    const param = joined(path, String(params.missingProperty));
    return { code: 'missing_required_parameter', message: `Missing required parameter: '${param}'.`, param };
  },
  type: (path, { params, data }) => wrongType(path, withArticle(String(params.type)), data),
  anyOf: (path, { parentSchema, data }) => wrongType(path, alternatives(parentSchema), data, kindWithFirst(data)),
  minimum: (path, violation) => outOfRange(path, 'below_min', '>=', violation),
  exclusiveMinimum: (path, violation) => outOfRange(path, 'below_min', '>', violation),
  maximum: (path, violation) => outOfRange(path, 'above_max', '<=', violation),
  exclusiveMaximum: (path, violation) => outOfRange(path, 'above_max', '<', violation),
  minItems: (path, { params, data }) => wrongLength(path, 'array', 'minimum', Number(params.limit), lengthOf(data)),
  maxItems: (path, { params, data }) => wrongLength(path, 'array', 'maximum', Number(params.limit), lengthOf(data)),
  minLength: (path, { params, data }) => wrongLength(path, 'string', 'minimum', Number(params.limit), lengthOf(data)),
  maxLength: (path, { params, data }) => wrongLength(path, 'string', 'maximum', Number(params.limit), lengthOf(data)),
  maxProperties: (path, { params, data }) => wrongLength(path, 'object', 'maximum', Number(params.limit), lengthOf(data)),
  enum: (path, { params, data }) => unsupportedValue(path, data, params.allowedValues),
  const: (path, { params, data }) => unsupportedValue(path, data, [params.allowedValue]),
  pattern: (path, { params }) => ({
    code: 'invalid_value',
    message: `Invalid ${quoted(path)}: string does not match pattern. Expected a string that matches the pattern '${String(params.pattern)}'.`,
  }),
  discriminator: (path, { params, parentSchema }) => {
    const tag = String(params.tag);
    const param = joined(path, tag);
    const value = params.tagValue;
    if (value === undefined) return { code: 'missing_required_parameter', message: `Missing required parameter: '${param}'.`, param };
    if (typeof value !== 'string') return { ...wrongType(param, 'a string', value), param };
    return { ...unsupportedValue(param, value, tagValues(parentSchema, tag)), param };
  },
};

/**
 * Of the violations of a union (those of each branch, then the union itself) the one a caller can act on: what broke inside
 * the branch that got furthest, otherwise the union as a whole. A branch whose type is not the value's, or, of several for an
 * array, not that of its first item, was not meant.
 */
function mostTelling(violations: readonly Violation[]): Violation {
  const last = violations.at(-1);
  if (last === undefined) throw new RangeError('validationError needs at least one violation');
  if (last.keyword !== 'anyOf') return last;
  const path = last.instancePath;
  const fitting = branchesOf(violations.slice(0, -1), last).filter((violation) => !isOfOtherType(violation, path));
  const meant = fitting.length === 1 ? fitting : fitting.filter((violation) => !isOfOtherType(violation, `${path}/0`));
  return (
    meant.reduce<Violation | undefined>((best, each) => (best !== undefined && depth(best) >= depth(each) ? best : each), undefined) ?? last
  );
}

/** The most telling violation of each branch of the union. */
function branchesOf(violations: readonly Violation[], union: Violation): Violation[] {
  const branches = new Map<string, Violation[]>();
  for (const violation of violations) {
    const branch = branchOf(violation.schemaPath, union.schemaPath);
    branches.set(branch, [...(branches.get(branch) ?? []), violation]);
  }
  return [...branches.values()].map(mostTelling);
}

/** A fraction where an integer belongs is still of the type that was meant. */
function isOfOtherType({ keyword, instancePath, params, data }: Violation, path: string): boolean {
  return keyword === 'type' && instancePath === path && !(params.type === 'integer' && typeof data === 'number');
}

function depth({ instancePath }: Violation): number {
  return instancePath.split('/').length;
}

function branchOf(schemaPath: string, unionPath: string): string {
  return schemaPath.slice(unionPath.length).split('/')[1] ?? '';
}

/** `/messages/0/content` → `messages[0].content` */
function fieldName(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(joined, '');
}

function joined(path: string, member: string): string {
  if (/^\d+$/.test(member)) return `${path}[${member}]`;
  return path === '' ? member : `${path}.${member}`;
}

function wrongType(path: string, expected: string, data: unknown, kind = kindOf(data)): Finding {
  return { code: 'invalid_type', message: `Invalid type for ${quoted(path)}: expected ${expected}, but got ${kind} instead.` };
}

function outOfRange(path: string, side: 'below_min' | 'above_max', comparison: string, { params, data, parentSchema }: Violation): Finding {
  const number = parentSchema?.type === 'integer' ? 'integer' : 'decimal';
  const words = side === 'below_min' ? 'below minimum' : 'above maximum';
  return {
    code: `${number}_${side}_value`,
    message: `Invalid ${quoted(path)}: ${number} ${words} value. Expected a value ${comparison} ${params.limit}, but got ${String(data)} instead.`,
  };
}

function wrongLength(
  path: string,
  kind: 'array' | 'string' | 'object',
  side: 'minimum' | 'maximum',
  limit: number,
  length: number,
): Finding {
  const what = length === 0 ? `empty ${kind}` : `${kind} too ${side === 'minimum' ? 'short' : 'long'}`;
  return {
    code: length === 0 ? `empty_${kind}` : `${kind}_${side === 'minimum' ? 'below_min' : 'above_max'}_length`,
    message: `Invalid ${quoted(path)}: ${what}. Expected ${withArticle(kind)} with ${side} length ${limit}, but got ${length === 0 ? `an empty ${kind}` : `length ${length}`} instead.`,
  };
}

function unsupportedValue(path: string, data: unknown, allowed: readonly unknown[] = []): Finding {
  const values = allowed.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const shown = typeof data === 'string' ? `'${shortened(data)}'` : kindOf(data);
  return { code: 'invalid_value', message: `Invalid value for ${quoted(path)}: ${shown}. Supported values are: ${listed(values, 'and')}.` };
}

function tagValues(union: Violation['parentSchema'], tag: string): unknown[] {
  return (union?.oneOf ?? []).flatMap(({ properties }) => properties?.[tag]?.enum ?? [properties?.[tag]?.const]);
}

/** The kinds that a union takes, from the titles or types of its branches. */
function alternatives(union: Violation['parentSchema']): string {
  const branches = (union?.anyOf ?? []).map(({ title, type }) => title ?? withArticle(type ?? 'value'));
  return `one of ${listed(branches, 'or')}`;
}

function listed(items: readonly string[], conjunction: string): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${conjunction} ${items.at(-1)}`;
}

function quoted(path: string): string {
  return path === '' ? 'the request body' : `'${path}'`;
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  // 1e999 is a number in JSON, and infinite once it is parsed.
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return 'a number beyond the range of 64-bit floats';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number';
  return withArticle(typeof value);
}

/** "an array" alone would not tell what is wrong where arrays of several kinds are taken. */
function kindWithFirst(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? `an array that begins with ${kindOf(value[0])}` : kindOf(value);
}

function lengthOf(data: unknown): number {
  if (typeof data === 'string' || Array.isArray(data)) return data.length;
  return typeof data === 'object' && data !== null ? Object.keys(data).length : 0;
}

function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
