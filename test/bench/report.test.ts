import t from 'tap';
import { report } from './report.ts';

const load = {
  clients: 16,
  requests: 64,
  tokens: 8192,
  wallMs: 11_000,
  tokensPerSecond: 744.7,
  requestsPerSecond: 5.82,
  firstTokenMs: { median: 412, p95: 650 },
  gapMs: { median: 22, p99: 41 },
};

t.test('a workload is told with its prefill, the share of the runtime and the loop gaps', async (t) => {
  const library = {
    loadMs: 1500,
    prefill: { promptTokens: 576, milliseconds: 720, tokensPerSecond: 800 },
    levels: [{ ...load, runtimeMs: 10_000, longestGapMs: 7.25 }],
  };
  const text = report({
    workloads: [{ name: 'x', describes: 'y', library, http: [{ ...load, longestGapMs: 9 }] }],
    steps: [],
    speculation: [],
  });
  t.match(text, /prefill: 800 tokens\/s \(576 tokens in 720 ms\)/);
  t.match(text, /^16 +745 +5\.8 +412 ms +650 ms +41\.0 ms +1\.100 +7\.3 ms$/m);
  t.match(text, /^16 +745 +5\.8 +412 ms +650 ms +41\.0 ms +9\.0 ms$/m);
});

t.test('steps are told as times, ratio and tokens a second', async (t) => {
  t.match(
    report({ workloads: [], steps: [{ batch: 4, engine: 10, sessionRun: 70 }], speculation: [] }),
    /^4 +10\.0 ms +70\.0 ms +7\.0× +400 +57$/m,
  );
});

t.test('speculation is told as tokens a second of both sides, with the gain and the guesses', async (t) => {
  const compared = { text: 'repeats itself', clients: 4, off: 480.2, on: 700.4, gain: 1.459, leastGain: 1.4, mostGain: 1.5 };
  const text = report({ workloads: [], steps: [], speculation: [{ ...compared, draftTokens: 1000, acceptedTokens: 874 }] });
  t.match(text, /^4 +480 +700 +1\.46× +1\.40…1\.50 +1000 +87 % +repeats itself$/m);
  t.match(
    report({ workloads: [], steps: [], speculation: [{ ...compared, draftTokens: 0, acceptedTokens: 0 }] }),
    / 0 +– +repeats itself$/m,
  );
});
