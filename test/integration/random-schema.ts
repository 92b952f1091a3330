/** Random JSON schemas whose values are short, so that a model that writes nonsense still comes to their end. */
import type { SeededRandom } from '../tools/random.ts';

export type JsonSchema = Record<string, unknown>;

const names = ['name', 'age', 'is_ok', 'größe', 'a b', 'items', 'x'];

const leaves: readonly ((random: SeededRandom) => JsonSchema)[] = [
  (random) => ({ type: 'string', minLength: random.whole(0, 2), maxLength: random.whole(2, 8) }),
  (random) => ({ type: 'string', pattern: random.pick(['^[a-z]{1,5}$', '^(ab|c)+d$|^e$', '^\\d{3}-\\d{2}$']), maxLength: 12 }),
  (random) => ({ type: 'string', format: random.pick(['date', 'ipv4', 'uuid']) }),
  (random) => ({ type: 'integer', minimum: random.whole(-50, 0), maximum: random.whole(1, 1000) }),
  (random) => ({ type: 'integer', exclusiveMinimum: 0, maximum: 90, multipleOf: random.whole(2, 7) }),
  (random) => ({ enum: random.shuffle(['red', 3, null, true, 'é"\\', 2.5]).slice(0, random.whole(1, 6)) }),
  (random) => ({ const: random.pick(['a', 0, false, null]) }),
  () => ({ type: ['boolean', 'null'] }),
];

export function randomSchema(random: SeededRandom, depth = 0): JsonSchema {
  const kind = random.next();
  if (depth > 2 || (depth > 0 && kind < 0.4)) return random.pick(leaves)(random);
  if (kind < 0.55) {
    const items = randomSchema(random, depth + 1);
    const minItems = random.whole(0, 2);
    return { type: 'array', items, minItems, maxItems: minItems + random.whole(0, 2) };
  }
  if (kind < 0.65) return { anyOf: [randomSchema(random, depth + 1), random.pick(leaves)(random)] };
  const properties = Object.fromEntries(
    random
      .shuffle(names)
      .slice(0, random.whole(1, 4))
      .map((name) => [name, randomSchema(random, depth + 1)]),
  );
  const required = Object.keys(properties).filter(() => random.chance(0.7));
  return { type: 'object', properties, required, additionalProperties: false };
}
