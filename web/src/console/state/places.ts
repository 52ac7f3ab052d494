import type { Permission } from '../../shared/types';
import type { Page } from './route';

/**
 * The places of the main navigation: what a person may open, and what lies inside without a tab of its own.
 * The server decides who may do what; this only keeps away doors that it would not open.
 */
export interface Place {
  readonly name: 'home' | 'lectures' | 'directory' | 'screens' | 'recordings' | 'people';
  /** Pages with a tab, the first is the place's own. */
  readonly pages: readonly Page[];
  readonly inside: readonly Page[];
}

export const PLACES: readonly Place[] = [
  { name: 'home', pages: ['home'], inside: ['alerts'] },
  {
    name: 'lectures',
    pages: ['lectures', 'calendar', 'reviews', 'experts', 'headcounts', 'corrections', 'faults'],
    inside: ['lecture', 'wall', 'plan', 'expert'],
  },
  { name: 'directory', pages: ['directory', 'coverage', 'teachers', 'terms', 'imports'], inside: ['school', 'class', 'import', 'training', 'homes', 'assessments', 'sheet'] },
  { name: 'screens', pages: ['screens'], inside: ['stickers'] },
  { name: 'recordings', pages: ['recordings'], inside: ['recording'] },
  { name: 'people', pages: ['people', 'audit', 'channels'], inside: ['person'] },
];

/** What a page needs; a page that is not here is for everybody who is logged in. */
export const NEEDS: Partial<Record<Page, Permission>> = {
  home: 'lecture.read',
  lectures: 'lecture.read',
  wall: 'board.read',
  calendar: 'lecture.read',
  reviews: 'lecture.review',
  experts: 'expert.read',
  headcounts: 'attendance.confirm',
  corrections: 'attendance.read',
  faults: 'board.read',
  directory: 'directory.read',
  teachers: 'teacher.read',
  coverage: 'attendance.read',
  training: 'teacher.read',
  homes: 'home.link',
  assessments: 'attendance.read',
  sheet: 'attendance.read',
  terms: 'directory.read',
  imports: 'directory.import',
  screens: 'screen.read',
  recordings: 'recording.read',
  people: 'person.read',
  audit: 'audit.read',
  channels: 'channel.edit',
  alerts: 'alert.read',
};

export function opens(page: Page, permissions: readonly Permission[]): boolean {
  const needed = NEEDS[page];
  return needed === undefined || permissions.includes(needed);
}

/** The tabs of a place that a person may open. */
export function tabs(place: Place, permissions: readonly Permission[]): Page[] {
  return place.pages.filter((page) => opens(page, permissions));
}

/** The tab under which a page without one lies: that of the list it was opened from. */
const UNDER: Partial<Record<Page, Page>> = {
  lecture: 'lectures',
  wall: 'lectures',
  plan: 'lectures',
  expert: 'experts',
  school: 'directory',
  class: 'directory',
  training: 'coverage',
  homes: 'coverage',
  assessments: 'coverage',
  sheet: 'coverage',
  import: 'imports',
  stickers: 'screens',
  recording: 'recordings',
  person: 'people',
};

export function tabOf(page: Page): Page {
  return UNDER[page] ?? page;
}

export function placeOf(page: Page): Place | undefined {
  return PLACES.find((place) => place.pages.includes(page) || place.inside.includes(page));
}
