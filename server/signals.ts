/** Tells the first request to end from the second, which ends at once, and from its own echo, which does nothing. */

const signals = ['SIGINT', 'SIGTERM'] as const;
type EndSignal = (typeof signals)[number];

/**
 * A terminal, or a service manager, sends the signal to the whole group, and npm passes its own on: the server gets it
 * twice. Nobody who means it asks a second time this soon; milliseconds.
 */
const echoMs = 1_000;

/** Calls `first` at the first of the signals, and `again` at one that comes a second or more after it. */
export function onEndSignal(first: (signal: EndSignal) => void, again: (signal: EndSignal) => void): void {
  let firstAt: number | undefined;
  const receive = (signal: EndSignal): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      first(signal);
    } else if (now - firstAt >= echoMs) {
      again(signal);
    }
  };
  for (const signal of signals) process.on(signal, receive);
}
