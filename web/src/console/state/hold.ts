/** Holding for one second: long enough not to happen by accident, short enough for an emergency. Pure. */
export const HOLD_MS = 1000;

/** 0 to 1; null while nothing is held. */
export function progress(since: number | null, now: number): number {
  return since === null ? 0 : Math.min(1, Math.max(0, (now - since) / HOLD_MS));
}
