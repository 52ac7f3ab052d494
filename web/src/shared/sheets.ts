import type { CoverCells, CoverLecture, CoverTotals, Happened } from './coverage';
import { send } from './directory';

/** The one-page reports of a school: figures, and what a printed page is checked by. */
interface Named {
  code: string;
  name: string;
}

interface Policy {
  version: number;
  name: string;
  summary: string;
}

export interface Seal {
  as_of: string;
  checksum: string;
  /** The last day of the ledger that has entries, and its root over all chains. */
  day: string | null;
  entries: number;
  root: string | null;
}

export interface TermFigures {
  school: Named;
  county: Named;
  term: string;
  starts_on: string | null;
  ends_on: string | null;
  policy: Policy;
  assessment: boolean;
  cells: CoverCells;
  totals: CoverTotals;
  four: boolean;
  notes: Happened[];
  lectures: CoverLecture[];
}

export const RESULTS = ['qualified', 'unconfirmed', 'made_up', 'partial', 'failed', 'excused', 'absent'] as const;
export type ClassResult = (typeof RESULTS)[number];

export interface ClassFigures {
  name: string;
  result: ClassResult;
  label: string;
  pending: boolean;
  ratio: number | null;
  expected: number;
  present: number | null;
}

export type LectureCounts = Record<ClassResult | 'classes' | 'covered' | 'pending' | 'pupils' | 'excused_pupils' | 'present' | 'confirmed', number>;

export interface LectureFigures {
  school: Named;
  county: Named;
  lecture_id: string;
  title: string;
  state: string;
  started_at: string | null;
  ended_at: string | null;
  on_air_seconds: number;
  policy: Policy;
  qualified_ratio: number;
  totals: LectureCounts;
  classes: ClassFigures[];
}

export interface Sheet<Figures> {
  figures: Figures;
  seal: Seal;
}

const part = encodeURIComponent;

export const sheetsApi = {
  term: (school: string, term: string): Promise<Sheet<TermFigures>> => send('GET', `/schools/${part(school)}/sheet${term === '' ? '' : `?term=${part(term)}`}`),
  lecture: (school: string, lecture: string): Promise<Sheet<LectureFigures>> => send('GET', `/schools/${part(school)}/sheets/${part(lecture)}`),
};
