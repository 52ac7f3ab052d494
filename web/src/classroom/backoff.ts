/** How long to wait before the next try. All in milliseconds; `random` is in [0, 1). */

const FIRST = 500;
const MOST = 15_000;

/** Full jitter: anywhere between now and min(15 s, 0.5 s · 2^n), so that a prefecture does not come back in one second. */
export function backoff(failures: number, random: number): number {
  const ceiling = Math.min(MOST, FIRST * 2 ** Math.min(failures, 16));
  return random * ceiling;
}

/** At least what the server asked for, and up to half as long again, so that those told together do not come together. */
export function notBefore(seconds: number | null, random: number): number {
  return seconds === null ? 0 : seconds * 1000 * (1 + random / 2);
}
