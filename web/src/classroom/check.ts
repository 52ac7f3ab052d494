import type { Challenge } from '../shared/types';

/** One presence check on this screen, from being told of it to its end. Pure; `now` is monotonic milliseconds. */
export interface Check {
  readonly id: string;
  readonly text: string;
  readonly tiles: readonly string[];
  readonly beginsAt: number;
  readonly endsAt: number;
  readonly touched: string | null;
  /** The server has the answer, or refused it for good. */
  readonly done: boolean;
}

/** A check is told twice, by push and by report; the first word counts, and an answered one does not come back. */
export function told(before: Check | null, challenge: Challenge, locale: string, now: number): Check {
  if (before !== null && before.id === challenge.challenge_id) return before;
  const { challenge_id: id, text, tiles } = challenge;
  return {
    id,
    text: text[locale] ?? text['zh-CN'] ?? '',
    tiles,
    beginsAt: now + challenge.begins_in_s * 1000,
    endsAt: now + challenge.ends_in_s * 1000,
    touched: null,
    done: false,
  };
}

export const shown = (check: Check | null, now: number): check is Check =>
  check !== null && now >= check.beginsAt && now < check.endsAt && !check.done;

export const secondsLeft = (check: Check, now: number): number => Math.max(0, Math.ceil((check.endsAt - now) / 1000));
export const shareLeft = (check: Check, now: number): number => Math.max(0, Math.min(1, (check.endsAt - now) / (check.endsAt - check.beginsAt)));
