/** The one place that knows how checkpoints spell tensor names: every spelling is carried to one canonical name. */

/**
 * Spelling in a file → canonical spelling, as prefixes; the first that matches counts. Published LLaVA shards say
 * `language_model.model.…`, modules of transformers 5 `model.language_model.…`, text-only checkpoints `model.…`.
 */
const prefixes: readonly (readonly [file: string, canonical: string])[] = [
  ['language_model.model.', 'language_model.'],
  ['language_model.lm_head.', 'lm_head.'],
  ['lm_head.', 'lm_head.'],
  ['model.language_model.', 'language_model.'],
  ['vision_tower.vision_model.', 'vision_tower.'],
  ['vision_tower.', 'vision_tower.'],
  ['model.vision_tower.vision_model.', 'vision_tower.'],
  ['model.vision_tower.', 'vision_tower.'],
  ['multi_modal_projector.', 'multi_modal_projector.'],
  ['model.multi_modal_projector.', 'multi_modal_projector.'],
  ['model.', 'language_model.'],
];

/** The canonical name, or null for a tensor that no architecture here asks for. */
export function canonicalName(fileName: string): string | null {
  const rule = prefixes.find(([prefix]) => fileName.startsWith(prefix));
  return rule ? rule[1] + fileName.slice(rule[0].length) : null;
}

/** How the checkpoint that holds `present` would spell a canonical name; for messages about what is missing. */
export function spellLike(canonical: string, present: Iterable<string>): string {
  for (const fileName of present) {
    const rule = prefixes.find(([prefix]) => fileName.startsWith(prefix));
    if (rule && canonical.startsWith(rule[1])) return rule[0] + canonical.slice(rule[1].length);
  }
  return canonical;
}
