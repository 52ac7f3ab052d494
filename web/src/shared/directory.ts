import { request } from './problem';
import type { Named, PageOf } from './screens';

/** The REST interface of the directory, for the console. Every failure is a `Problem`; an edit names the version that it changes. */
export interface TreeNode {
  code: string;
  name: string;
  level: 'prefecture' | 'county' | 'school';
  parent: string | null;
  schools: number;
  closed: boolean;
}

export interface FoundNode extends TreeNode {
  county: Named;
}

export interface County extends Named {
  gb2260: string | null;
  former_codes: string[];
  schools: number;
  classes: number;
  pupils: number;
  screens: number;
}

export interface School extends Named {
  county: Named;
  kind: string;
  urban_rural: string | null;
  opened_on: string | null;
  closed_on: string | null;
  successor: string | null;
  temporary: boolean;
  classes: number;
  pupils: number;
  screens: number;
  version: number;
}

export interface SchoolRecord extends School {
  aliases: string[];
}

export interface SchoolClass extends Named {
  id: string;
  entry_year: number;
  stage: string;
  number: number;
  grade: number | null;
  pupils: number;
  screens: number;
  closed_on: string | null;
  version: number;
  school: Named;
  county: Named;
}

export interface ClassRecord extends SchoolClass {
  screen_list: { id: string; terminal_no: number; paired_at: string | null; revoked_at: string | null }[];
}

export interface Spelling extends Named {
  entry_year: number;
  stage: string;
  number: number;
  taken: boolean;
}

/** What may happen to a school; that it was opened is written by the server. */
export const HAPPENINGS = ['renamed', 'moved', 'recoded', 'merged', 'closed', 'reopened'] as const;
export type Happening = (typeof HAPPENINGS)[number];

export interface SchoolEvent {
  id: string;
  kind: Happening | 'opened';
  on: string;
  other: string | null;
  /** Null where a code names nothing any more. */
  other_name: string | null;
  before: string;
  before_name: string | null;
  after: string;
  note: string;
  actor: string;
  by: string;
  at: string;
}

export interface NewEvent {
  kind: Happening;
  on: string;
  into?: string;
  region?: string;
  code?: string;
  name?: string;
  classes?: 'move' | 'close';
  note?: string;
}

export interface Term {
  region: string;
  code: string;
  starts_on: string;
  ends_on: string;
  version: number;
}

export interface ClassLecture {
  id: string;
  title: string;
  scheduled_at: string;
  minutes: number;
  lecturer: { id: string; name: string };
  state: 'scheduled' | 'open' | 'live' | 'paused' | 'cut' | 'ended' | 'archived';
  called_off_at: string | null;
  expected: boolean;
  joined_at: string | null;
}

type Query = Record<string, string>;
const part = encodeURIComponent;

export async function send<T>(method: string, path: string, body?: unknown, version?: number): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (version !== undefined) headers['If-Match'] = `"${String(version)}"`;
  const init: RequestInit = { method, headers, credentials: 'same-origin', ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await request(`/api/v1${path}`, init);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const get = <T>(path: string, query: Query = {}): Promise<T> => {
  const search = new URLSearchParams(query).toString();
  return send<T>('GET', search === '' ? path : `${path}?${search}`);
};

export const directoryApi = {
  /** Children of a node, or where the caller's own tree begins. */
  tree: async (parent?: string): Promise<TreeNode[]> => (await get<{ items: TreeNode[] }>('/tree', parent === undefined ? {} : { parent })).items,
  find: async (q: string): Promise<FoundNode[]> => (await get<{ items: FoundNode[] }>('/tree/search', { q })).items,
  /** County units; for a form also the one of the prefecture's own schools, which is not listed while there are none. */
  counties: async (direct = false): Promise<County[]> => (await get<{ items: County[] }>('/counties', direct ? { direct: 'true' } : {})).items,
  schools: (query: Query): Promise<PageOf<School>> => get('/schools', query),
  school: (code: string): Promise<SchoolRecord> => get(`/schools/${part(code)}`),
  addSchool: (school: Omit<Partial<School>, 'county'> & { county: string }): Promise<School> => send('POST', '/schools', school),
  changeSchool: (code: string, changes: Partial<School>, version: number): Promise<School> =>
    send('PATCH', `/schools/${part(code)}`, changes, version),
  events: async (code: string): Promise<SchoolEvent[]> => (await get<{ items: SchoolEvent[] }>(`/schools/${part(code)}/events`)).items,
  happened: (code: string, event: NewEvent): Promise<SchoolEvent> => send('POST', `/schools/${part(code)}/events`, event),
  classes: (query: Query): Promise<PageOf<SchoolClass>> => get('/classes', query),
  schoolClass: (id: string): Promise<ClassRecord> => get(`/classes/${part(id)}`),
  classLectures: (id: string, query: Query): Promise<PageOf<ClassLecture>> => get(`/classes/${part(id)}/lectures`, query),
  spelling: (school: string, name: string): Promise<Spelling> => get(`/schools/${part(school)}/class-name`, { name }),
  addClass: (school: string, name: string, pupils: number): Promise<ClassRecord> =>
    send('POST', `/schools/${part(school)}/classes`, { name, pupils }),
  changeClass: (id: string, pupils: number, version: number): Promise<ClassRecord> => send('PATCH', `/classes/${part(id)}`, { pupils }, version),
  closeClass: (id: string, on: string, version: number): Promise<ClassRecord> => send('POST', `/classes/${part(id)}/close`, { on }, version),
  terms: async (query: Query = {}): Promise<Term[]> => (await get<{ items: Term[] }>('/terms', query)).items,
  currentTerm: async (): Promise<Term | null> => (await get<{ term: Term | null }>('/terms/current')).term,
  putTerm: (region: string, code: string, startsOn: string, endsOn: string, version?: number): Promise<Term> =>
    send('PUT', `/terms/${part(region)}/${part(code)}`, { starts_on: startsOn, ends_on: endsOn }, version),
  removeTerm: (region: string, code: string, version: number): Promise<void> => send('DELETE', `/terms/${part(region)}/${part(code)}`, undefined, version),
};
