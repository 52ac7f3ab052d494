import type { Board, BoardClass, BoardCounty, BoardRow, BoardSchool, BoardScreen, ScreenState } from '../../shared/types';

/** Folds over the board: what a class, a school, a county and the whole prefecture see. Pure; a class watches when one of its screens does. */

export const SCHOOL_STATES = ['all', 'some', 'connected', 'lost', 'none'] as const;
export type SchoolState = (typeof SCHOOL_STATES)[number];

const ORDER: readonly ScreenState[] = ['receiving', 'connected', 'lost', 'none'];

export function classState(item: BoardClass): ScreenState {
  return ORDER.find((state) => item.screens.some((screen) => screen.state === state)) ?? 'none';
}

export function schoolState(school: BoardSchool): SchoolState {
  const states = school.classes.map(classState);
  const watching = states.filter((state) => state === 'receiving').length;
  if (watching > 0) return watching === states.length ? 'all' : 'some';
  if (states.includes('connected')) return 'connected';
  return states.includes('lost') ? 'lost' : 'none';
}

export const watchingClasses = (classes: readonly BoardClass[]): number =>
  classes.filter((item) => classState(item) === 'receiving').length;

/** Whether pupils hear nothing although the picture is there: the screen's own word. */
export function silent(screen: BoardScreen): boolean {
  const sound = screen.hints?.sound;
  return screen.state === 'receiving' && (sound === 'blocked' || sound === 'muted');
}

export interface CountySums {
  readonly code: string;
  readonly name: string;
  readonly classes: number;
  readonly watching: number;
  readonly schools: number;
  readonly full: number;
  readonly part: number;
}

export function countySums(county: BoardCounty): CountySums {
  const states = county.schools_items.map(schoolState);
  return {
    code: county.code,
    name: county.name,
    classes: county.classes,
    watching: county.schools_items.reduce((sum, school) => sum + watchingClasses(school.classes), 0),
    schools: county.schools,
    full: states.filter((state) => state === 'all').length,
    part: states.filter((state) => state === 'some').length,
  };
}

export interface Sums {
  readonly schools: number;
  readonly schoolsWatching: number;
  readonly classes: number;
  readonly classesWatching: number;
  readonly screens: number;
  readonly receiving: number;
  readonly lost: number;
  readonly silent: number;
}

function screensOf(board: Board): BoardScreen[] {
  return board.counties.flatMap((county) => county.schools_items.flatMap((school) => school.classes.flatMap((c) => c.screens)));
}

export function sums(board: Board): Sums {
  const counties = board.counties.map(countySums);
  const screens = screensOf(board);
  const total = (of: (county: CountySums) => number): number => counties.reduce((sum, county) => sum + of(county), 0);
  return {
    schools: board.totals.schools,
    schoolsWatching: total((county) => county.full + county.part),
    classes: board.totals.classes,
    classesWatching: total((county) => county.watching),
    screens: screens.length,
    receiving: screens.filter((screen) => screen.state === 'receiving').length,
    lost: screens.filter((screen) => screen.state === 'lost').length,
    silent: screens.filter(silent).length,
  };
}

/** Puts pushed rows in. What did not change stays the same object, so that only what changed is drawn anew. */
export function merge(board: Board, rows: readonly BoardRow[]): Board {
  const changed = new Map(rows.map((row) => [row.id, row]));
  const screen = (old: BoardScreen): BoardScreen => {
    const row = changed.get(old.id);
    return row === undefined ? old : { ...old, ...row };
  };
  const inClass = (old: BoardClass): BoardClass => keep(old, 'screens', old.screens.map(screen));
  const inSchool = (old: BoardSchool): BoardSchool => keep(old, 'classes', old.classes.map(inClass));
  const inCounty = (old: BoardCounty): BoardCounty => keep(old, 'schools_items', old.schools_items.map(inSchool));
  return keep(board, 'counties', board.counties.map(inCounty));
}

function keep<T, K extends keyof T>(old: T, key: K, items: T[K] & readonly unknown[]): T {
  const before = old[key] as readonly unknown[];
  return items.every((item, i) => item === before[i]) ? old : { ...old, [key]: items };
}

/** The schools of a county that match the filter and the words looked for (in the school's, a class's or the county's name). */
export function pick(county: BoardCounty, wanted: SchoolState | null, words: string): BoardSchool[] {
  const needle = words.trim().toLowerCase();
  const found = (school: BoardSchool): boolean =>
    [county.name, school.name, school.code, ...school.classes.map((item) => item.name)].some((text) => text.toLowerCase().includes(needle));
  return county.schools_items.filter((school) => (wanted === null || schoolState(school) === wanted) && (needle === '' || found(school)));
}
