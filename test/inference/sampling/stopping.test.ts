import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { StopMatcher } from '../../../inference/sampling/stopping.ts';

function run(stops: readonly string[], pieces: readonly string[], includeStop = false) {
  const matcher = new StopMatcher(stops, includeStop);
  const out: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    out.push(text);
    if (stopped) return { text: out.join(''), stopped, out };
  }
  return { text: out.join('') + matcher.end(), stopped: false, out };
}

t.test('a stop string across pieces is found, and no part of it is let out', (t) => {
  t.strictSame(run(['STOP'], ['one S', 'T', 'OP two']).out, ['one ', '', '']);
  t.match(run(['STOP'], ['one S', 'T', 'ART']), { text: 'one START', stopped: false });
  t.strictSame(run(['STOP'], ['one S', 'T', 'ART']).out, ['one ', '', 'START'], 'what only looked like one follows');
  t.match(run(['STOP'], ['the end: ST']), { text: 'the end: ST', stopped: false }, 'the end of the text lets it out');
  t.match(run(['aab'], ['aa', 'a', 'b']), { text: 'a', stopped: true }, 'a beginning inside a beginning');
  t.match(run(['\n\n', 'User:'], ['hello\n', 'Us', 'er:']), { text: 'hello\n', stopped: true });
  t.match(run([], ['a', 'b']), { text: 'ab', stopped: false });
  t.match(run([''], ['a', 'b']), { text: 'ab', stopped: false }, 'an empty stop string is none');
  t.match(run(['abcd', 'bc'], ['abcd']), { text: 'a', stopped: true }, 'the one complete first');
  t.match(run(['bc', 'abc'], ['abcd']), { text: '', stopped: true }, 'complete at once: the one that began first');
  t.end();
});

t.test('the result does not depend on the cuts, and holds no stop string', (t) => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 4 }),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 5 }), { maxLength: 12 }),
      (stops, pieces) => {
        const whole = pieces.join('');
        const cut = run(stops, pieces);
        const letters = run(stops, [...whole]);
        assert.deepEqual([cut.text, cut.stopped], [letters.text, letters.stopped]);
        assert.ok(whole.startsWith(cut.text));
        const included = run(stops, pieces, true);
        assert.equal(included.stopped, cut.stopped);
        assert.ok(cut.stopped ? stops.some((stop) => included.text === cut.text + stop) : included.text === cut.text);
        assert.ok(!stops.some((stop) => cut.text.includes(stop)));
        assert.equal(
          cut.stopped,
          stops.some((stop) => whole.includes(stop)),
        );
      },
    ),
    { numRuns: 300, seed: 8 },
  );
  t.pass('equal');
  t.end();
});
