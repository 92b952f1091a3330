/** Loaded into the server's process (`node --import`): measures the loop's gaps there and tells them over the IPC channel. */
import { LoopGap } from './loop-gap.ts';

const gap = new LoopGap();

process.on('message', (message) => {
  if (message === 'gap:start') gap.start();
  if (message === 'gap:read') process.send?.({ longestGapMs: gap.longest() });
});
// A listener keeps the channel, and with it the process, alive; the server decides on its own when to end.
process.channel?.unref();
