/**
 * The server's time, kept by a monotonic clock: classrooms have dead CMOS cells, so the machine's own date is never asked.
 * Times of day are those of Asia/Shanghai.
 */
export interface ServerClock {
  readonly serverMs: number;
  readonly atMs: number;
}

export function serverNow(clock: ServerClock, monotonicMs: number): number {
  return clock.serverMs + (monotonicMs - clock.atMs);
}

const two = (n: number): string => (n < 10 ? `0${String(n)}` : String(n));
const DAY = 86_400_000;
const ZONE_OFFSET = 8 * 3_600_000;

/** What the waiting slate counts: digits while it is less than a day, the date before that, nothing once it is time. */
export function countdown(scheduledMs: number, nowMs: number): { digits: string } | { date: string } | null {
  const left = scheduledMs - nowMs;
  if (!(left > 0)) return null;
  if (left >= DAY) return { date: dateOf(scheduledMs) };
  const seconds = Math.ceil(left / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return { digits: h > 0 ? `${String(h)}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}` };
}

/** `11-23 14:05`; the zone has had no summer time since 1991, so arithmetic is enough and old engines agree. */
export function dateOf(ms: number): string {
  const local = new Date(ms + ZONE_OFFSET);
  return `${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())} ${timeOf(ms)}`;
}

/** `2026-11-23 14:05` */
export function dayOf(ms: number): string {
  return `${String(new Date(ms + ZONE_OFFSET).getUTCFullYear())}-${dateOf(ms)}`;
}

/** `14:05` */
export function timeOf(ms: number): string {
  const local = new Date(ms + ZONE_OFFSET);
  return `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}`;
}
