import { send } from './directory';
import type { PageOf } from './screens';

/** Corrections, faults and closed terms, for the console. Every failure is a `Problem`; who decides sends back what they saw. */
export type CorrectionState = 'requested' | 'approved' | 'rejected' | 'withdrawn';
export type CorrectionLevel = 'class' | 'school' | 'county';
export type CorrectionField = 'present' | 'expected' | 'result';

export interface Reason {
  code: string;
  zh: string;
  en: string;
  fields: CorrectionField[];
  /** Whether it excuses a whole school or county unit. */
  whole: boolean;
}

export interface Choices {
  reasons: Reason[];
  results: string[];
  days: number;
}

export interface CorrectionChange {
  class_id: string;
  class_name: string;
  school_code: string;
  school_name: string;
  field: CorrectionField;
  old: string;
  new: string;
}

export interface Effect {
  now: string;
  /** Whether the class would read as wanted. */
  does: boolean;
  classes: number;
  changes: CorrectionChange[];
}

export interface Wish {
  lecture_id: string;
  scope: string;
  field: CorrectionField;
  new: string;
  reason: string;
  note: string;
  evidence: string;
}

export interface Correction {
  id: string;
  state: CorrectionState;
  lecture_id: string;
  title: string;
  level: CorrectionLevel;
  scope: string;
  class_name: string;
  school_code: string | null;
  school_name: string;
  county: string;
  county_name: string;
  field: CorrectionField;
  old: string;
  new: string;
  reason: string;
  note: string;
  evidence: string;
  unit_name: string;
  requested_by: string;
  requested_at: string;
  decided_by: string | null;
  decided_at: string | null;
  decision_note: string;
  /** The caller asked for it, and does not decide about it. */
  mine: boolean;
}

export interface CorrectionRecord extends Correction {
  effect: Effect | null;
  /** `old` is not what stands there now. */
  changed: boolean;
  version: number;
}

export const CAUSES = ['power', 'network', 'server', 'closed', 'exam', 'disaster'] as const;
export type Cause = (typeof CAUSES)[number];

export interface FaultWish {
  cause: Cause;
  scope: string;
  begin: string;
  end: string | null;
}

export interface Fault extends FaultWish {
  id: string;
  name: string;
  level: 'region' | 'school' | 'class';
  taken_back: boolean;
  by: string;
  at: string;
  editable: boolean;
  version: number;
}

export interface ExcusedLecture {
  lecture_id: string;
  title: string;
  started_at: string;
  classes: number;
  touched: number;
  excused_before: number;
  excused_after: number;
  results: { old: string; new: string; classes: number }[];
}

export type BooksState = 'open' | 'closed' | 'reopened';

export interface Books {
  region: string;
  term: string;
  state: BooksState;
  waiting: number;
  version: number;
}

export interface Closing {
  number: number;
  region: string;
  term: string;
  closed: boolean;
  reason: string;
  by: string;
  at: string;
}

const part = encodeURIComponent;
const one = (id: string): string => `/corrections/${part(id)}`;
const books = (region: string, term: string): string => `/terms/${part(region)}/${part(term)}/books`;

export const correctionsApi = {
  list: (query: Record<string, string>): Promise<PageOf<Correction>> => send('GET', `/corrections?${new URLSearchParams(query).toString()}`),
  /** How many corrections of others wait for the caller to decide. */
  waiting: async (): Promise<number> => (await send<{ waiting: number }>('GET', '/corrections/waiting')).waiting,
  choices: (): Promise<Choices> => send('GET', '/corrections/choices'),
  preview: (wish: Wish): Promise<Effect> => send('POST', '/corrections/preview', wish),
  ask: (wish: Wish): Promise<CorrectionRecord> => send('POST', '/corrections', wish),
  read: (id: string): Promise<CorrectionRecord> => send('GET', one(id)),
  /** 412 when something else would change than what was seen. */
  decide: (row: CorrectionRecord, decision: 'approve' | 'reject', note: string): Promise<CorrectionRecord> =>
    send('POST', `${one(row.id)}/decision`, { decision, note }, row.version),
  withdraw: (id: string): Promise<CorrectionRecord> => send('POST', `${one(id)}/withdrawal`),

  faults: async (): Promise<Fault[]> => (await send<{ items: Fault[] }>('GET', '/faults')).items,
  previewFault: async (wish: FaultWish): Promise<ExcusedLecture[]> => (await send<{ lectures: ExcusedLecture[] }>('POST', '/faults/preview', wish)).lectures,
  record: (wish: FaultWish): Promise<Fault> => send('POST', '/faults', wish),
  end: (fault: Fault, end: string): Promise<Fault> => send('PATCH', `/faults/${part(fault.id)}`, { end }, fault.version),
  takeBack: (fault: Fault): Promise<Fault> => send('PATCH', `/faults/${part(fault.id)}`, { taken_back: true }, fault.version),

  closings: async (): Promise<Closing[]> => (await send<{ items: Closing[] }>('GET', '/term-closings')).items,
  books: (region: string, term: string): Promise<Books> => send('GET', books(region, term)),
  close: (of: Books, closed: boolean, reason: string): Promise<Books> => send('PUT', books(of.region, of.term), { closed, reason }, of.version),
};
