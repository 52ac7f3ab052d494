/**
 * When to try again: at once, then after 0.3, 1.2, 2.7 and 4.8 seconds, then every 4.8 seconds for ever. From the third try
 * up to one second of jitter is added, so that studios do not come back in step after a server restart.
 */
const STEPS = [0, 0.3, 1.2, 2.7, 4.8] as const;
const JITTER_FROM = 2;

/** Seconds before attempt number `attempt` (0 is the first); `random` is in [0, 1). `atLeast` is the server's wish. */
export function delayBefore(attempt: number, random: number, atLeast = 0): number {
  const step = STEPS[Math.min(attempt, STEPS.length - 1)] ?? 0;
  const jitter = attempt >= JITTER_FROM ? random : 0;
  return Math.max(step, atLeast) + jitter;
}
