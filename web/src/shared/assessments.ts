import { send } from './directory';

/** Assessments of pupils, entered by a school class by class: numbers, never a name. Every failure is a `Problem`. */
export interface AssessmentKind {
  kind: string;
  zh: string;
  en: string;
}

/** An assessment that was held: classes with a number, those that count, pupils of the former and those who took part. */
export interface Sitting {
  kind: string;
  day: string;
  classes: number;
  counting: number;
  pupils: number;
  took_part: number;
}

export interface Assessments {
  term: string;
  starts_on: string;
  ends_on: string;
  kinds: AssessmentKind[];
  minimum: number;
  participation_ratio: number | null;
  items: Sitting[];
}

export interface AssessmentRow {
  class_id: string;
  name: string;
  size: number;
  /** False where the size is the last known one. */
  rolled: boolean;
  took_part: number | null;
  passed: number | null;
  counts: boolean;
  by: string;
  at: string | null;
}

export interface AssessmentSheet {
  kind: string;
  day: string;
  version: number;
  /** Null in the holidays. */
  term: string | null;
  closed: boolean;
  rows: AssessmentRow[];
}

/** How many of a class took part, and passed; null took part takes the class's assessment back. */
export interface ClassNumber {
  class_id: string;
  took_part: number | null;
  passed: number | null;
}

const part = encodeURIComponent;
const ofSchool = (school: string): string => `/schools/${part(school)}/assessments`;
const one = (school: string, kind: string, day: string): string => `${ofSchool(school)}/${part(kind)}/${part(day)}`;

export const assessmentsApi = {
  held: (school: string, term: string): Promise<Assessments> => send('GET', `${ofSchool(school)}${term === '' ? '' : `?term=${part(term)}`}`),
  sheet: (school: string, kind: string, day: string): Promise<AssessmentSheet> => send('GET', one(school, kind, day)),
  enter: (school: string, { kind, day, version }: AssessmentSheet, items: readonly ClassNumber[]): Promise<AssessmentSheet> =>
    send('PUT', one(school, kind, day), { items }, version),
};
