import { request } from './problem';
import type { PageOf } from './screens';
import type { Role } from './types';

/** The REST interface of people and of the log of what they did, for the console. Every failure is a `Problem`. */
export type Level = 'prefecture' | 'county' | 'school';
export type PersonState = 'active' | 'invited' | 'disabled';

export interface Agency {
  key: string;
  name: string;
}

export interface Person {
  id: string;
  login: string;
  name: string;
  role: Role;
  node: { code: string; name: string; level: Level | null };
  agency: Agency | null;
  state: PersonState;
  second_factor: boolean;
  /** Until when a link holds by which they set a password. */
  invited_until: string | null;
  created_at: string;
  last_login_at: string | null;
  /** Whether the person who is logged in may change them. */
  managed: boolean;
}

export interface PersonRecord extends Person {
  open_logins: number;
}

export interface Invitation {
  url: string;
  expires_at: string;
}

export interface Invited {
  person: PersonRecord;
  invitation: Invitation;
}

export interface PeopleOptions {
  roles: { role: Role; levels: Level[] }[];
  agencies: Agency[];
}

export interface NewPerson {
  login: string;
  name: string;
  role: Role;
  node: string;
  agency: string | null;
}

export type PersonEdit = Partial<Omit<NewPerson, 'login'>>;
export type PersonOrder = 'disable' | 'enable' | 'second-factor/reset' | 'logins/end';

export interface Actor {
  kind: 'person' | 'screen' | 'system' | 'above';
  id: string;
  name: string;
  login: string;
}

export interface AuditLine {
  id: string;
  at: string;
  actor: Actor;
  action: string;
  subject: string;
  subject_name: string;
  detail: Record<string, unknown>;
}

export interface AuditPage extends PageOf<AuditLine> {
  total_is_capped: boolean;
  retention_days: number;
}

export interface Action {
  action: string;
  zh: string;
  en: string;
}

export interface Place {
  code: string;
  name: string;
  level: Level;
  county?: { code: string; name: string };
}

const part = encodeURIComponent;
const asked = (query: Record<string, string>): string => new URLSearchParams(query).toString();

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return request(`/api/v1${path}`, init);
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await ask(method, path, body)).json()) as T;
}

/** A person with the version that an edit has to name. */
export interface Versioned {
  record: PersonRecord;
  etag: string;
}

async function versioned(answer: Response): Promise<Versioned> {
  return { record: (await answer.json()) as PersonRecord, etag: answer.headers.get('ETag') ?? '' };
}

export const peopleApi = {
  list: (query: Record<string, string>): Promise<PageOf<Person>> => json('GET', `/people?${asked(query)}`),
  options: (): Promise<PeopleOptions> => json('GET', '/people/options'),
  add: (person: NewPerson): Promise<Invited> => json('POST', '/people', person),
  one: async (id: string): Promise<Versioned> => versioned(await ask('GET', `/people/${part(id)}`)),
  change: async (id: string, etag: string, edit: PersonEdit): Promise<Versioned> =>
    versioned(await ask('PATCH', `/people/${part(id)}`, edit, { 'If-Match': etag })),
  order: async (id: string, order: PersonOrder): Promise<Versioned> => versioned(await ask('POST', `/people/${part(id)}/${order}`)),
  invite: (id: string): Promise<Invited> => json('POST', `/people/${part(id)}/invitation`),
};

export const auditApi = {
  list: (query: Record<string, string>): Promise<AuditPage> => json('GET', `/audit?${asked(query)}`),
  actions: async (): Promise<Action[]> => (await json<{ items: Action[] }>('GET', '/audit/actions')).items,
  exportUrl: (query: Record<string, string>): string => `/api/v1/audit/export.csv?${asked(query)}`,
};

export const placesApi = {
  /** The caller's top: the prefecture, their county unit, or their school. */
  tops: async (): Promise<Place[]> => (await json<{ items: Place[] }>('GET', '/tree')).items,
  counties: async (): Promise<Place[]> =>
    (await json<{ items: { code: string; name: string }[] }>('GET', '/counties')).items.map((one) => ({ ...one, level: 'county' })),
  find: async (text: string): Promise<Place[]> => (await json<{ items: Place[] }>('GET', `/tree/search?${asked({ q: text })}`)).items,
};
