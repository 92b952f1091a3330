/** The process' log: JSON lines on standard output, without secrets. */
import { type Logger, pino } from 'pino';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Nothing logs headers today; whoever does so by accident still shows no key. */
const secrets = ['headers.authorization', '*.headers.authorization', 'headers["x-api-key"]', '*.headers["x-api-key"]'];

export function createLogger(level: LogLevel): Logger {
  return pino({ level, redact: secrets, timestamp: pino.stdTimeFunctions.isoTime });
}
