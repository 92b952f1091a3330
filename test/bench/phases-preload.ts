/** Loaded into the server's process (`node --import`): samples its thread, and tells over the IPC channel what it did. */
import { isMainThread } from 'node:worker_threads';
import { PhaseRecorder } from './phases.ts';

if (isMainThread) {
  const recorder = new PhaseRecorder();
  process.on('message', async (message) => {
    if (message === 'phases:start') await recorder.start();
    if (message === 'phases:read') process.send?.({ phases: await recorder.stop() });
  });
  process.channel?.unref();
}
