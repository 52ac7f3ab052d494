import { clock, dateTime } from '../shared/format';
import type { Params } from '../shared/i18n/core';
import type { Problem } from '../shared/problem';
import type { Visit } from './server';
import type { Key } from './words';

/** What the page says of a visit, or of its failure. Pure; `now` is the server's time in milliseconds. */
export interface Told {
  readonly head: Key;
  readonly next: Key;
  readonly params: Params;
  /** What the countdown shows; empty without one. */
  readonly digits: string;
  /** Seconds after which to ask again; null when nothing will change. */
  readonly again: number | null;
}

const PLAIN: Params = {};
/** A retry is never sooner, whatever an answer says. */
const SOONEST = 3;
const HURRY_MS = 30_000;

function waiting(one: Visit, now: number): Told {
  const left = Date.parse(one.scheduled_at) - now;
  if (left <= 0) return { head: 'soon', next: 'soon.next', params: PLAIN, digits: '', again: Math.min(one.again_s, 10) };
  // Who waits asks again when it is time, and not much later than he was told to.
  const again = left < HURRY_MS ? Math.max(SOONEST, left / 1000) : one.again_s;
  return { head: 'before', next: 'before.next', params: PLAIN, digits: clock(left / 1000), again };
}

export function tell(one: Visit, now: number): Told {
  if (one.phase === 'before') return waiting(one, now);
  const { phase, again_s: again } = one;
  if (phase === 'live' && one.watch === null) return { head: 'joining', next: 'joining.next', params: PLAIN, digits: '', again };
  const params = one.until === null ? PLAIN : { until: dateTime(one.until) };
  return { head: phase, next: `${phase}.next`, params, digits: '', again: phase === 'over' || phase === 'called_off' ? null : again };
}

const FINAL: Readonly<Record<string, Key & ('wrong' | 'replaced' | 'full')>> = { no_such_link: 'wrong', link_replaced: 'replaced', class_full: 'full' };

/** A link that is wrong or full stays so; everything else is tried again. */
export function tellTrouble(problem: Problem): Told {
  const last = FINAL[problem.code];
  if (last !== undefined || problem.status === 422) {
    const head = last ?? 'wrong';
    return { head, next: `${head}.next`, params: PLAIN, digits: '', again: null };
  }
  const again = Math.max(SOONEST, Math.ceil(problem.retryAfter ?? 10));
  if (problem.status === 429) return { head: 'often', next: 'often.next', params: { seconds: again }, digits: '', again };
  if (problem.code === 'home_busy') return { head: 'busy', next: 'busy.next', params: PLAIN, digits: '', again };
  return { head: 'trouble', next: 'trouble.next', params: PLAIN, digits: '', again };
}

/** Spreads the questions of thousands of pages: up to a fifth later; `chance` is in [0, 1). */
export const spread = (seconds: number, chance: number): number => seconds * 1000 * (1 + chance / 5);
