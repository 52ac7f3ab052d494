import type { Confirmation } from '../shared/types';

/**
 * How many are there: a number that is ready, changed by steps or typed. Pure; `now` is monotonic milliseconds.
 *
 *     closed -> counting -> sending -> thanks -> closed
 *                  ^----------'  (refused: says why)
 */
export interface Slip {
  readonly lecture: string;
  readonly title: string;
  /** Households are counted instead of people. */
  readonly households: boolean;
  readonly expected: number;
  readonly opensAt: number;
  readonly closesAt: number | null;
  readonly present: number | null;
  readonly guests: number;
}

export interface Count {
  readonly at: 'closed' | 'counting' | 'sending' | 'thanks';
  readonly slip: Slip | null;
  readonly present: number;
  readonly guests: number;
  /** Which of both the keys of the number pad change. */
  readonly field: 'present' | 'guests';
  /** The next digit begins a new number. */
  readonly fresh: boolean;
  /** Code of what went wrong. */
  readonly trouble: string;
  readonly until: number | null;
}

export const CLOSED: Count = { at: 'closed', slip: null, present: 0, guests: 0, field: 'present', fresh: true, trouble: '', until: null };
export const MOST = 2000;
/** Nobody came to the screen: it goes back to what it does when nothing is on. */
const PATIENCE = 600_000;
const THANKS = 4000;

export function slipOf(told: Confirmation, now: number): Slip {
  const { closes_in_s: closes, guests } = told;
  return {
    lecture: told.lecture_id,
    title: told.title,
    households: told.audience === 'parents',
    expected: told.expected,
    opensAt: now + told.opens_in_s * 1000,
    closesAt: closes === null ? null : now + closes * 1000,
    present: told.present,
    guests: guests ?? 0,
  };
}

export const offered = (slip: Slip | null, now: number): slip is Slip =>
  slip !== null && now >= slip.opensAt && (slip.closesAt === null || now < slip.closesAt);

export const open = (slip: Slip, now: number): Count => ({
  ...CLOSED,
  at: 'counting',
  slip,
  present: slip.present ?? slip.expected,
  guests: slip.guests,
  until: now + PATIENCE,
});

const fit = (value: number): number => Math.min(MOST, Math.max(0, value));

function put(count: Count, value: number, fresh: boolean): Count {
  if (count.at !== 'counting') return count;
  return { ...count, [count.field]: fit(value), fresh, trouble: '' };
}

export const step = (count: Count, field: Count['field'], by: number): Count => put({ ...count, field }, count[field] + by, true);

export const digit = (count: Count, typed: number): Count =>
  put(count, count.fresh ? typed : count[count.field] * 10 + typed, false);

export const erase = (count: Count): Count => put(count, Math.floor(count[count.field] / 10), false);

export const choose = (count: Count, field: Count['field']): Count => ({ ...count, field, fresh: true });

/** More than can be: it is not confirmed. */
export const tooMany = ({ slip, present, guests }: Count): boolean => slip !== null && present > slip.expected + guests;

export const send = (count: Count): Count => (count.at === 'counting' && !tooMany(count) ? { ...count, at: 'sending', trouble: '' } : count);

export const thanked = (count: Count, now: number): Count => ({ ...count, at: 'thanks', until: now + THANKS });

export const failed = (count: Count, code: string): Count => (count.at === 'sending' ? { ...count, at: 'counting', trouble: code } : count);

/** Time passed. */
export const waited = (count: Count, now: number): Count => (count.until !== null && count.at !== 'sending' && now >= count.until ? CLOSED : count);
