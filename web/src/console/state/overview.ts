import type { County } from '../../shared/directory';
import type { Lecture, Permission } from '../../shared/types';
import type { Page } from './route';

/** What the overview shows. Pure. */
const RUNNING: ReadonlySet<string> = new Set(['open', 'live', 'paused', 'cut']);
const OVER: ReadonlySet<string> = new Set(['ended', 'archived']);

export interface Shown {
  /** The lecture that runs, on air before merely open; null when none does. */
  readonly running: Lecture | null;
  /** Those that come, the next first. */
  readonly coming: readonly Lecture[];
}

export function shown(lectures: readonly Lecture[], now: number): Shown {
  const running = lectures.filter((lecture) => RUNNING.has(lecture.state));
  const live = running.find((lecture) => lecture.state !== 'open') ?? running[0] ?? null;
  const ends = (lecture: Lecture): number => Date.parse(lecture.scheduled_at) + lecture.minutes * 60_000;
  const coming = lectures.filter((lecture) => !RUNNING.has(lecture.state) && !OVER.has(lecture.state) && ends(lecture) > now);
  return { running: live, coming: coming.sort((a, b) => a.scheduled_at.localeCompare(b.scheduled_at)) };
}

export interface Sums {
  readonly schools: number;
  readonly classes: number;
  readonly pupils: number;
  readonly screens: number;
}

export function total(counties: readonly County[]): Sums {
  const sum = (of: keyof Sums): number => counties.reduce((all, county) => all + county[of], 0);
  return { schools: sum('schools'), classes: sum('classes'), pupils: sum('pupils'), screens: sum('screens') };
}

export interface Todo {
  readonly key: 'schools' | 'classes' | 'screens' | 'lectures' | 'corrections';
  readonly page: Page;
  /** How many there are of it. */
  readonly count?: number;
  readonly query?: Readonly<Record<string, string>>;
}

/** The first things first: corrections of others that `waiting` counts, no classes without schools, no screens without classes. Only what the person may do. */
export function todos(sums: Sums | null, lectures: number, may: (permission: Permission) => boolean, waiting = 0): Todo[] {
  const list: Todo[] = [];
  if (waiting > 0 && may('correction.decide')) list.push({ key: 'corrections', page: 'corrections', count: waiting, query: { state: 'requested' } });
  if (sums !== null && sums.schools === 0) {
    if (may('directory.import')) list.push({ key: 'schools', page: 'imports' });
  } else if (sums !== null && sums.classes === 0) {
    if (may('directory.edit')) list.push({ key: 'classes', page: 'directory' });
  } else if (sums !== null && sums.screens === 0 && may('screen.pair')) list.push({ key: 'screens', page: 'screens' });
  if (lectures === 0 && may('lecture.edit')) list.push({ key: 'lectures', page: 'lectures' });
  return list;
}
