/** Drops members that are null, which is how many clients spell "left out", before the schema sees them. */

/** Members whose own members may be null as well; elsewhere (a JSON schema, say) null can be a value. */
const nested = new Set([
  ...['messages', 'content', 'image_url', 'tool_calls', 'tools', 'function', 'tool_choice'],
  ...['stream_options', 'response_format', 'json_schema', 'structured_outputs'],
]);

/** body → messages → message → content → part → image_url; what lies deeper is no part of the schema. */
const deepest = 6;

/** Changes `value` in place: it was parsed for this request alone. */
export function dropNulls(value: unknown, depth = 0): void {
  if (depth > deepest) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, depth + 1);
  } else if (typeof value === 'object' && value !== null) {
    const members = value as Record<string, unknown>;
    for (const [name, member] of Object.entries(members)) {
      if (member === null) delete members[name];
      else if (nested.has(name)) dropNulls(member, depth + 1);
    }
  }
}
