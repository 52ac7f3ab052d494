import { addDays, addMonths, dayOf, endOf, midnight, minuteOf, monday, weekday } from '../../shared/localTime';
import type { Planned, Term } from '../../shared/plans';

/** Days, weeks and hours of the calendar, and where in them lectures and terms lie. Pure. Weeks begin on Monday. */
export const VIEWS = ['month', 'week', 'list'] as const;
export type View = (typeof VIEWS)[number];
type Timed = Pick<Planned, 'id' | 'scheduled_at' | 'minutes'>;

/** The whole weeks that hold the month of a day. */
export function monthDays(day: string): string[] {
  const first = `${day.slice(0, 8)}01`;
  const begins = monday(first);
  const last = addDays(addMonths(first, 1), -1);
  const weeks = Math.ceil((weekday(first) + Number(last.slice(8))) / 7);
  return Array.from({ length: weeks * 7 }, (_, i) => addDays(begins, i));
}

export function weekDays(day: string): string[] {
  return Array.from({ length: 7 }, (_, i) => addDays(monday(day), i));
}

export function daysOf(view: View, day: string): string[] {
  return view === 'week' ? weekDays(day) : monthDays(day);
}

/** The instants between which the lectures of days lie. */
export function spanOf(days: readonly string[]): { since: string; until: string } {
  return { since: midnight(days[0] ?? ''), until: midnight(addDays(days.at(-1) ?? '', 1)) };
}

/** The day that a key leads to, as in any grid of days; undefined for other keys. */
export function step(day: string, key: string): string | undefined {
  switch (key) {
    case 'ArrowLeft':
      return addDays(day, -1);
    case 'ArrowRight':
      return addDays(day, 1);
    case 'ArrowUp':
      return addDays(day, -7);
    case 'ArrowDown':
      return addDays(day, 7);
    case 'Home':
      return monday(day);
    case 'End':
      return addDays(monday(day), 6);
    case 'PageUp':
      return addMonths(day, -1);
    case 'PageDown':
      return addMonths(day, 1);
    default:
      return undefined;
  }
}

/** The lectures of each day, in the order of their times. */
export function byDay<T extends Timed>(lectures: readonly T[]): Map<string, T[]> {
  const days = new Map<string, T[]>();
  for (const lecture of [...lectures].sort((a, b) => a.scheduled_at.localeCompare(b.scheduled_at))) {
    const day = dayOf(lecture.scheduled_at);
    days.set(day, [...(days.get(day) ?? []), lecture]);
  }
  return days;
}

export interface Placed<T> {
  readonly lecture: T;
  /** Minutes since midnight; what goes on past midnight is cut off there. */
  readonly from: number;
  readonly to: number;
  /** Which of the columns that lectures at the same time share, from 0. */
  readonly lane: number;
  readonly lanes: number;
}

/** Lectures of one day side by side where they share time, each as wide as the crowd that it is in allows. */
export function lanes<T extends Timed>(lectures: readonly T[]): Placed<T>[] {
  const placed: Placed<T>[] = [];
  let crowd: { lecture: T; from: number; to: number; lane: number }[] = [];
  let until = -1;
  const close = (): void => {
    const wide = Math.max(0, ...crowd.map((one) => one.lane)) + 1;
    placed.push(...crowd.map((one) => ({ ...one, lanes: wide })));
    crowd = [];
  };
  for (const lecture of [...lectures].sort((a, b) => a.scheduled_at.localeCompare(b.scheduled_at))) {
    const from = minuteOf(lecture.scheduled_at);
    const to = Math.min(24 * 60, from + lecture.minutes);
    if (from >= until) close();
    const taken = new Set(crowd.filter((one) => one.to > from).map((one) => one.lane));
    let lane = 0;
    while (taken.has(lane)) lane += 1;
    crowd.push({ lecture, from, to, lane });
    until = Math.max(until, to);
  }
  close();
  return placed;
}

/** How many other lectures share time with each, by id; those that share it with none are left out. */
export function crowding(lectures: readonly Timed[]): Map<string, number> {
  const ends = (one: Timed): number => Date.parse(one.scheduled_at) + one.minutes * 60_000;
  const found = new Map<string, number>();
  for (const one of lectures) {
    const others = lectures.filter(
      (other) => other !== one && Date.parse(other.scheduled_at) < ends(one) && Date.parse(one.scheduled_at) < ends(other),
    );
    if (others.length > 0) found.set(one.id, others.length);
  }
  return found;
}

/** The hours that a week shows: the school's day, and whatever lies before or after it. */
export function hoursOf(lectures: readonly Timed[]): { from: number; to: number } {
  const froms = lectures.map((one) => Math.floor(minuteOf(one.scheduled_at) / 60));
  const tos = lectures.map((one) => Math.ceil(Math.min(24 * 60, minuteOf(one.scheduled_at) + one.minutes) / 60));
  return { from: Math.min(8, ...froms), to: Math.max(18, ...tos) };
}

/** `14:00–14:40` */
export function times(lecture: Timed): string {
  return `${endOf(lecture.scheduled_at, 0)}–${endOf(lecture.scheduled_at, lecture.minutes)}`;
}

export interface Band {
  readonly code: string;
  /** Places in the row of days, both included. */
  readonly from: number;
  readonly to: number;
  /** Whether the term itself begins and ends there, and not only the row. */
  readonly begins: boolean;
  readonly ends: boolean;
}

/** The terms that hold for a region: its own, or those of the region above where it has none at all. */
export function termsFor(terms: readonly Term[], region: string, above: string): Term[] {
  const own = terms.filter((term) => term.region === region);
  return own.length > 0 ? own : terms.filter((term) => term.region === above);
}

/** Where terms lie in a row of days. */
export function bands(terms: readonly Term[], days: readonly string[]): Band[] {
  const [first = '', last = ''] = [days[0], days.at(-1)];
  return terms
    .filter((term) => term.starts_on <= last && term.ends_on >= first)
    .map((term) => ({
      code: term.code,
      from: Math.max(0, days.indexOf(term.starts_on)),
      to: term.ends_on > last ? days.length - 1 : days.indexOf(term.ends_on),
      begins: term.starts_on >= first,
      ends: term.ends_on <= last,
    }))
    .sort((a, b) => a.from - b.from);
}

/** How far a lecture is, for its colour and shape. */
export type Standing = Planned['review'] | 'off' | 'live' | 'ended';

export function standingOf(lecture: Pick<Planned, 'review' | 'called_off_at' | 'state'>): Standing {
  if (lecture.called_off_at !== null) return 'off';
  if (lecture.state === 'scheduled' || lecture.state === 'open') return lecture.review;
  return lecture.state === 'ended' || lecture.state === 'archived' ? 'ended' : 'live';
}

/** `2026-2027-1` in its parts; null for what names no term. */
export function termParts(code: string): { from: string; to: string; half: '1' | '2' } | null {
  const found = /^(\d{4})-(\d{4})-([12])$/.exec(code);
  return found === null ? null : { from: found[1] ?? '', to: found[2] ?? '', half: found[3] === '2' ? '2' : '1' };
}

export function termOn(terms: readonly Term[], day: string): Term | undefined {
  return terms.find((term) => term.starts_on <= day && day <= term.ends_on);
}
