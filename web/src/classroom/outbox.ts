import type { NextReport, Reporting, ReportAnswer, ReportTimes } from '../shared/types';
import { NOTHING, type Tally } from './witness';

/**
 * The reports of a screen from the minute that they are about to the minute in which the server has them for good. Pure; `now` is
 * monotonic milliseconds, minutes are the server's.
 *
 * 1. **Accepted is not durable**: a report is kept until the answer of the same process says that its minute is written down; when another process answers, it is
 *    sent again and says so.
 * 2. At most `MOST` are kept; the oldest goes first. One is under way at a time, because each answer brings the nonce of the next.
 * 3. Without a nonce nothing is sent: the next answer of `watch` brings one (`homeless`).
 */
export interface Kept {
  readonly minute: number;
  readonly tally: Tally;
  readonly path: string;
  /** The process that accepted it. */
  readonly by: string | null;
  /** It may have come in without our knowing. */
  readonly tried: boolean;
}

export interface Outbox {
  readonly broadcast: string | null;
  readonly signed: boolean;
  readonly next: NextReport | null;
  readonly minute: number;
  readonly endsAt: number;
  readonly sendAt: number;
  readonly tally: Tally;
  readonly kept: readonly Kept[];
}

export const EMPTY: Outbox = { broadcast: null, signed: false, next: null, minute: 0, endsAt: 0, sendAt: 0, tally: NOTHING, kept: [] };
export const MOST = 30;
const MINUTE = 60_000;
const RETRY = 10_000;
const NEXT = 2500;

const times = (t: ReportTimes, now: number): Pick<Outbox, 'minute' | 'endsAt'> => ({
  minute: t.minute,
  endsAt: now + t.minute_ends_in_s * 1000,
});

/** Another process has not what the one before had in memory. */
function disowned(kept: readonly Kept[], boot: string): readonly Kept[] {
  return kept.map((one) => (one.by === null || one.by === boot ? one : { ...one, by: null, tried: true }));
}

/**
 * `watch` told how to report: a broadcast goes on with the chain that it has. Without one it begins anew: of what was before the server would
 * have no proof that the time had passed.
 */
export function seated(box: Outbox, told: Reporting, now: number): Outbox {
  const { broadcast_id: broadcast, signed, nonce, counter, boot_id: boot } = told;
  if (broadcast === box.broadcast && box.next !== null) return { ...box, kept: disowned(box.kept, boot) };
  return { ...EMPTY, broadcast, signed, next: { nonce, counter }, ...times(told, now), sendAt: now + told.next_in_s * 1000 };
}

/** Closes the minutes that are over; of those that were slept through there is nothing to say. */
export function ticked(box: Outbox, path: string, now: number): Outbox {
  if (box.broadcast === null || now < box.endsAt) return box;
  const over = 1 + Math.floor((now - box.endsAt) / MINUTE);
  const { minute, tally } = box;
  const closed: Kept[] = tally.watchedMs > 0 ? [{ minute, tally, path, by: null, tried: false }] : [];
  const kept = [...box.kept, ...closed].slice(-MOST);
  return { ...box, kept, tally: NOTHING, minute: minute + over, endsAt: box.endsAt + over * MINUTE };
}

/** The report that is to be sent now, the oldest first. */
export function due(box: Outbox, now: number): Kept | null {
  if (box.next === null || now < box.sendAt) return null;
  return box.kept.find((one) => one.by === null) ?? null;
}

export function accepted(box: Outbox, sent: Kept, answer: ReportAnswer, now: number): Outbox {
  const { nonce, counter, boot_id: boot, durable_until: durable } = answer;
  const mine = box.kept.map((one) => (one.minute === sent.minute ? { ...one, by: boot } : one));
  const kept = disowned(mine, boot).filter((one) => one.by !== boot || one.minute >= durable);
  const more = kept.some((one) => one.by === null);
  // A minute that ended while the answer was under way is closed by the next tick, not renamed.
  const clock = answer.minute === box.minute ? times(answer, now) : {};
  return { ...box, ...clock, kept, next: { nonce, counter }, sendAt: now + (more ? NEXT : answer.next_in_s * 1000) };
}

const LOST: ReadonlySet<string> = new Set(['bad_report', 'bad_signature', 'wrong_minute', 'replayed_counter']);

/** The server refused one, or did not answer (`status` 0). */
export function refused(box: Outbox, sent: Kept, why: { status: number; code: string; next: NextReport | null; wait: number | null }, now: number): Outbox {
  const { status, code, next, wait } = why;
  const waits = status === 0 || status === 429 || status >= 500;
  const sendAt = now + (wait === null ? (waits ? RETRY : NEXT) : wait * 1000);
  if (waits) {
    return { ...box, sendAt, kept: box.kept.map((one) => (one.minute === sent.minute ? { ...one, tried: true } : one)) };
  }
  const kept = LOST.has(code) ? box.kept.filter((one) => one.minute !== sent.minute) : box.kept;
  return { ...box, sendAt, kept, next: code === 'bad_report' || code === 'bad_signature' ? box.next : next };
}

/** Whether there is something to report and no nonce to do it with. */
export const homeless = (box: Outbox): boolean => box.broadcast !== null && box.next === null;

/** The members of a report (`signaling/presence/claims.py`). */
export function claimsOf(box: Outbox, { minute, tally, path }: Kept): Record<string, unknown> {
  return {
    ...box.next,
    broadcast_id: box.broadcast,
    minute,
    rendered_ms: Math.round(tally.renderedMs),
    media_ms: Math.round(tally.mediaMs),
    visible_ms: Math.round(tally.visibleMs),
    audible_ms: Math.round(tally.audibleMs),
    frames: tally.frames,
    volume: tally.volume,
    muted: tally.mutedMs * 2 > tally.watchedMs,
    blocked: tally.blockedMs * 2 > tally.watchedMs,
    path,
  };
}
