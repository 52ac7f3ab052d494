import { request } from './problem';
import type { PageOf } from './screens';
import type { Lecture } from './types';

/** The timetable of the REST interface, for the console. Every failure is a `Problem`. Times are ISO 8601 in UTC. */

/** The themes of the lectures; the server knows no others. */
export const TOPICS = ['禁毒知识', '禁毒常识', '毒品认识', '毒品防范', '禁毒教育'] as const;

/** Kinds of schools by the first digits of their codes. */
export const KINDS = ['11', '21', '31', '34', '36', '51', '22', '32', '33', '35', '37', '41', '42'] as const;
export type Kind = (typeof KINDS)[number];

/** Stages in which classes are. */
export const STAGES = ['11', '21', '31', '34', '36'] as const satisfies readonly Kind[];

export const AUDIENCE_KINDS = ['pupils', 'teachers', 'parents'] as const;
export type AudienceKind = (typeof AUDIENCE_KINDS)[number];

export type Review = 'draft' | 'submitted' | 'approved' | 'returned';

/** A lecture with its plan. */
export interface Planned extends Lecture {
  summary: string;
  audience_kind: AudienceKind;
  /** Whether it counts for what its audience owes in the term. */
  counts: boolean;
  review: Review;
  called_off_at: string | null;
  called_off_reason: string;
  version: number;
  /** Who planned it. */
  created_by: string | null;
  /** What of it is the county or school of the person who asks; null for whom all of it is. */
  own: Counts | null;
}

export type Level = 'prefecture' | 'county' | 'school';

/** A node that a lecture is aimed at. */
export interface Aim {
  code: string;
  name: string;
  /** Null where the code names nothing any more. */
  level: Level | null;
  parent: string | null;
}

export interface TreeNode extends Aim {
  level: Level;
  /** Open schools under it. */
  schools: number;
  closed: boolean;
}

export interface FoundNode extends TreeNode {
  county: { code: string; name: string };
}

export interface Aimed {
  audience: Aim[];
  kinds: Kind[];
  stages: Kind[];
}

export interface Scope {
  audience: string[];
  kinds: string[];
  stages: string[];
}

export interface Slot extends Scope {
  scheduled_at: string;
  minutes: number;
  lecturer_id: string | null;
  /** The plan that is being changed. */
  lecture_id: string | null;
}

export interface PlanOrder extends Scope {
  title: string;
  topic: string;
  summary: string;
  audience_kind: AudienceKind;
  counts: boolean;
  lecturer_id: string | null;
  scheduled_at: string;
  minutes: number;
}

export interface Counts {
  classes: number;
  schools: number;
  pupils: number;
}

export interface Conflict {
  id: string;
  title: string;
  scheduled_at: string;
  minutes: number;
  /** Whether it is by the same person: refused. */
  lecturer: boolean;
  /** How many classes are wanted at both: told. */
  classes: number;
}

export interface Conflicts {
  items: Conflict[];
  /** Codes: too_long_for_kindergarten, too_long_for_class. */
  warnings: string[];
}

export interface ReviewStep {
  action: 'submitted' | 'approved' | 'returned' | 'changed';
  actor: string;
  name: string;
  note: string;
  at: string;
}

/** A term of a region; days are local. */
export interface Term {
  region: string;
  code: string;
  starts_on: string;
  ends_on: string;
}

/** Something together with the version that a change of it has to name. */
export interface Tagged<T> {
  readonly value: T;
  readonly etag: string;
}

const ROOT = '/api/v1';
const part = encodeURIComponent;

async function ask(method: string, path: string, body?: unknown, etag?: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (etag !== undefined) headers['If-Match'] = etag;
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (body !== undefined) init.body = JSON.stringify(body);
  return request(ROOT + path, init);
}

async function answer<T>(asked: Promise<Response>): Promise<T> {
  return (await (await asked).json()) as T;
}

async function tagged(asked: Promise<Response>): Promise<Tagged<Planned>> {
  const response = await asked;
  return { value: (await response.json()) as Planned, etag: response.headers.get('ETag') ?? '' };
}

/** Query text of what is said; what is undefined or empty is left out. */
function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const said = Object.entries(values).flatMap(([key, value]) => (value === undefined || value === '' ? [] : [[key, String(value)]]));
  return new URLSearchParams(said).toString();
}

const one = (id: string): string => `/lectures/${part(id)}`;

export const plansApi = {
  list: (wanted: Readonly<Record<string, string>>): Promise<PageOf<Planned>> => answer(ask('GET', `/lectures?${query(wanted)}`)),
  read: (id: string): Promise<Tagged<Planned>> => tagged(ask('GET', one(id))),
  add: (plan: PlanOrder): Promise<Tagged<Planned>> => tagged(ask('POST', '/lectures', plan)),
  /** 412 `changed_meanwhile` when somebody else has changed it since. */
  change: (id: string, etag: string, changes: Partial<PlanOrder>): Promise<Tagged<Planned>> =>
    tagged(ask('PATCH', one(id), changes, etag)),
  aimed: (id: string): Promise<Aimed> => answer(ask('GET', `${one(id)}/plan`)),
  preview: (scope: Scope): Promise<Counts> => answer(ask('POST', '/lectures/preview', scope)),
  conflicts: (slot: Slot): Promise<Conflicts> => answer(ask('POST', '/lectures/conflicts', slot)),
  steps: async (id: string): Promise<ReviewStep[]> => (await answer<{ items: ReviewStep[] }>(ask('GET', `${one(id)}/reviews`))).items,
  submit: (id: string): Promise<Tagged<Planned>> => tagged(ask('POST', `${one(id)}/submit`)),
  decide: (id: string, decision: 'approve' | 'return', note: string): Promise<Tagged<Planned>> =>
    tagged(ask('POST', `${one(id)}/review`, { decision, note })),
  callOff: (id: string, etag: string, reason: string): Promise<Tagged<Planned>> =>
    tagged(ask('POST', `${one(id)}/call-off`, { reason }, etag)),
  terms: async (): Promise<Term[]> => (await answer<{ items: Term[] }>(ask('GET', '/terms'))).items,
  /** What below a node the caller may aim a lecture at, or where that begins. */
  aims: async (parent?: string): Promise<TreeNode[]> =>
    (await answer<{ items: TreeNode[] }>(ask('GET', `/aims?${query({ parent })}`))).items,
  findAims: async (q: string): Promise<FoundNode[]> =>
    (await answer<{ items: FoundNode[] }>(ask('GET', `/aims/search?${query({ q })}`))).items,
};
