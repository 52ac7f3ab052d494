import { send } from './directory';
import type { PageOf } from './screens';

/** The REST interface of the coverage of terms and of the trainings of teachers. Every failure is a `Problem`. */
export const FOUR = ['lessons', 'teachers', 'pupils', 'parents'] as const;
/** As they are shown: the assessments beside the lessons of the pupils, two rates that are never averaged. */
export const SHOWN = ['lessons', 'teachers', 'pupils', 'assessment', 'parents'] as const;
export type Covered = (typeof FOUR)[number] | 'assessment';
export type CoverState = 'done' | 'part' | 'open' | 'none';
export type UnitLevel = 'prefecture' | 'county' | 'school';
export type Happened = 'opened' | 'closed' | 'merged';

export interface CoverCell {
  done: number;
  of: number;
  ratio: number | null;
  state: CoverState;
  lenient: boolean;
}

/** Of the assessments null where the rules count none. */
export type CoverCells = Record<(typeof FOUR)[number], CoverCell> & { assessment: CoverCell | null };

export interface CoverTotals {
  schools: number;
  classes: number;
  classes_done: number;
  classes_excused: number;
  classes_unrolled: number;
  pupils: number;
  present: number;
  staff: number;
  trained: number;
  households: number;
  reached: number;
  at_home: number;
  parents_classes_done: number;
  assessed: number;
  assessed_part: number;
  done_four: number;
  lenient_four: number;
}

export interface CoverUnit {
  code: string;
  name: string;
  level: 'county' | 'school';
  county: string | null;
  four: boolean;
  notes: Happened[];
  cells: CoverCells;
  totals: CoverTotals;
}

export interface CoverClass {
  id: string;
  name: string;
  held: number;
  state: CoverState;
  present: number;
  pupils: number;
  parents_held: number;
  parents_state: CoverState;
  reached: number;
  households: number;
  /** Of them, or beside those of a meeting: households that watched at home. */
  at_home: number;
  rolled: boolean;
  assessed: number;
  assessed_state: CoverState;
}

export const OWED = ['pupils', 'teachers', 'parents', 'assessment'] as const;
export type Owed = (typeof OWED)[number];

/** What is owed in a term, and from which shares it is done; `enabled` says what is counted by now. */
export interface CoverRules {
  version: number;
  name: string;
  summary: string;
  strict_ratio: number;
  lenient_ratio: number;
  lesson_minutes: number;
  attended_ratio: number;
  households_ratio: number;
  /** Null where no assessments are counted. */
  participation_ratio: number | null;
  minimum: Record<Owed, number>;
  enabled: Record<Owed, boolean>;
}

/** An export that was made: the same `as_of` gives the same table again. `directory_at` is when schools, classes and staff were read for it. */
export interface CoverExport {
  number: CoverTable;
  level: string;
  as_of: string;
  directory_at: string;
  at: string;
  rules_version: number;
  checksum: string;
  by: string;
}

export const COVER_TABLES = ['05', '06', '07'] as const;
export type CoverTable = (typeof COVER_TABLES)[number];

export interface CoverLecture {
  id: string;
  title: string;
  kind: 'pupils' | 'teachers' | 'parents';
  started_at: string;
  classes: number;
  credited: number;
  excused: number;
  expected: number;
  present: number;
  at_home: number;
}

export interface Coverage {
  term: string;
  terms: string[];
  starts_on: string | null;
  ends_on: string | null;
  as_of: string;
  unit: { code: string; name: string; level: UnitLevel; parent: string | null };
  rules: CoverRules;
  cells: CoverCells;
  totals: CoverTotals;
  four: boolean;
  notes: Happened[];
  lectures: CoverLecture[];
  level: 'county' | 'school' | 'class';
  items: CoverUnit[];
  classes: CoverClass[];
  total: number;
  page: number;
  size: number;
}

export interface Training {
  id: string;
  title: string;
  started_at: string;
  ended_at: string | null;
}

export type Outcome = 'credited' | 'pending' | 'venue' | 'incomplete' | 'short' | 'none';

export interface Seated {
  id: string;
  staff_no: string;
  name: string;
  subject: string;
  ticked: boolean;
  by: string;
  at: string | null;
  room: string;
  signed_in: string | null;
  signed_out: string | null;
  minutes: number;
  lessons: number;
  outcome: Outcome;
}

export interface Room {
  id: string;
  name: string;
  /** Of the class; null before the lecture has results. */
  result: string | null;
  minutes: number;
}

export interface Roster {
  training: Training;
  rooms: Room[];
  teachers: Seated[];
}

/** What a training's venue shows: a QR code as SVG, for so many seconds. */
export interface TrainingCode {
  title: string;
  way: 'in' | 'out';
  url: string;
  svg: string;
  seconds: number;
}

const part = encodeURIComponent;
const ofSchool = (school: string): string => `/schools/${part(school)}/trainings`;

export const coverageApi = {
  term: (query: Record<string, string>): Promise<Coverage> => send('GET', `/coverage?${new URLSearchParams(query).toString()}`),
  exportUrl: (table: string, format: string, query: Record<string, string>): string =>
    `/api/v1/coverage/exports/${table}.${format}?${new URLSearchParams(query).toString()}`,
  exports: (query: Record<string, string>): Promise<PageOf<CoverExport>> => send('GET', `/coverage/exports?${new URLSearchParams(query).toString()}`),
  trainings: async (school: string): Promise<Training[]> => (await send<{ items: Training[] }>('GET', ofSchool(school))).items,
  roster: (school: string, lecture: string): Promise<Roster> => send('GET', `${ofSchool(school)}/${part(lecture)}`),
  tick: (school: string, lecture: string, room: string, teachers: readonly string[], ticked: boolean): Promise<Roster> =>
    send('POST', `${ofSchool(school)}/${part(lecture)}/marks`, { class_id: room, teacher_ids: teachers, ticked }),
};
