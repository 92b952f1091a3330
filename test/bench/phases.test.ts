import t from 'tap';
import { PhaseRecorder, phasesOf } from './phases.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, scriptId: '0', lineNumber: 0, columnNumber: 0 });

t.test('a sample counts for the innermost part of the program that it was in', (t) => {
  const nodes = [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 6] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('#run', 'file:///app/dist/inference/engine/engine.js'), children: [4] },
    { id: 4, callFrame: frame('next', 'file:///app/dist/inference/engine/scheduler.js'), children: [5] },
    { id: 5, callFrame: frame('sort') },
    { id: 6, callFrame: frame('(garbage collector)') },
  ];
  // A delta is the time since the sample before it.
  const profile = { nodes, samples: [2, 3, 4, 5, 6], timeDeltas: [7, 50, 10, 5, 15, 20] };
  t.same(phasesOf(profile), [
    { name: 'wait for the runtime', share: 0.5 },
    { name: 'schedule', share: 0.2 },
    { name: 'collect garbage', share: 0.2 },
    { name: 'engine', share: 0.1 },
  ]);
  t.end();
});

t.test('a thread that waits does nothing else', async (t) => {
  const recorder = new PhaseRecorder();
  await recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const [first] = await recorder.stop();
  t.equal(first?.name, 'wait for the runtime');
});
