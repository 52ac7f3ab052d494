import { problemOf, request } from './problem';
import type { Named, PageOf } from './screens';

/** The REST interface of imports and of the staff of schools. Every failure is a `Problem`. */
export const KINDS = ['schools', 'classes', 'teachers'] as const;
export type ImportKind = (typeof KINDS)[number];
export type ImportState = 'checking' | 'checked' | 'refused' | 'committing' | 'done' | 'failed';

export interface ImportJob {
  id: string;
  kind: ImportKind;
  state: ImportState;
  /** What is being done while it is checked or committed. */
  phase: string;
  rows_read: number;
  rows_total: number;
  file_name: string;
  file_bytes: number;
  source: string;
  corrects: string | null;
  counts: { new: number; changed: number; unchanged: number; bad: number };
  failure: { code: string; detail: string } | null;
  node: Named;
  by: { id: string; name: string };
  created_at: string;
  checked_at: string | null;
  finished_at: string | null;
  version: number;
}

export interface BadRow {
  line: number;
  column: string;
  value: string;
  code: string;
  params: Record<string, number>;
  reason: string;
}

export interface ChangedRow {
  line: number;
  label: string;
  fields: { column: string; before: string | null; after: string }[];
}

export interface Teacher {
  id: string;
  staff_no: string;
  name: string;
  subject: string;
  joined_on: string | null;
  left_on: string | null;
  school: Named;
  county: Named;
  version: number;
}

const ROOT = '/api/v1';
const UPLOAD_MS = 300_000;
const part = encodeURIComponent;
const asked = (query: Record<string, string>): string => new URLSearchParams(query).toString();

async function ask(method: string, path: string, body?: unknown, version?: number): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (version !== undefined) headers['If-Match'] = `"${String(version)}"`;
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (body !== undefined) init.body = JSON.stringify(body);
  return request(ROOT + path, init);
}

async function json<T>(method: string, path: string, body?: unknown, version?: number): Promise<T> {
  return (await (await ask(method, path, body, version)).json()) as T;
}

export const importsApi = {
  list: (query: Record<string, string>): Promise<PageOf<ImportJob>> => json('GET', `/imports?${asked(query)}`),
  one: (id: string): Promise<ImportJob> => json('GET', `/imports/${part(id)}`),
  errors: (id: string, query: Record<string, string>): Promise<PageOf<BadRow>> => json('GET', `/imports/${part(id)}/errors?${asked(query)}`),
  changes: (id: string, query: Record<string, string>): Promise<PageOf<ChangedRow>> => json('GET', `/imports/${part(id)}/changes?${asked(query)}`),
  check: (job: ImportJob): Promise<ImportJob> => json('POST', `/imports/${part(job.id)}/check`, undefined, job.version),
  commit: (job: ImportJob): Promise<ImportJob> => json('POST', `/imports/${part(job.id)}/commit`, undefined, job.version),
  discard: async (job: ImportJob): Promise<void> => void (await ask('DELETE', `/imports/${part(job.id)}`, undefined, job.version)),
  errorsUrl: (id: string, format: 'xlsx' | 'csv'): string => `${ROOT}/imports/${part(id)}/errors.${format}`,
  templateUrl: (kind: ImportKind): string => `${ROOT}/imports/templates/${kind}.xlsx`,
  tableUrl: (table: string, format: string): string => `${ROOT}/tables/${table}.${format}`,
  /** Brings a file; the check begins by itself. */
  async bring(kind: ImportKind, file: File, corrects?: string): Promise<ImportJob> {
    const query = asked({ kind, name: file.name.slice(-128), ...(corrects !== undefined && { corrects }) });
    const headers = { Accept: 'application/json', 'Content-Type': 'application/octet-stream' };
    const init: RequestInit = { method: 'POST', headers, credentials: 'same-origin', body: file };
    const response = await request(`${ROOT}/imports?${query}`, init, UPLOAD_MS);
    if (!response.ok) throw await problemOf(response);
    return (await response.json()) as ImportJob;
  },
};

export interface TeacherValues {
  staff_no: string;
  name: string;
  subject: string;
}

export const teachersApi = {
  list: (query: Record<string, string>): Promise<PageOf<Teacher>> => json('GET', `/teachers?${asked(query)}`),
  subjects: async (): Promise<string[]> => (await json<{ items: string[] }>('GET', '/teachers/subjects')).items,
  add: (school: string, values: TeacherValues): Promise<Teacher> => json('POST', `/schools/${part(school)}/teachers`, values),
  change: (teacher: Teacher, values: TeacherValues): Promise<Teacher> => json('PATCH', `/teachers/${part(teacher.id)}`, values, teacher.version),
  leave: (teacher: Teacher, on: string): Promise<Teacher> => json('POST', `/teachers/${part(teacher.id)}/leave`, { on }, teacher.version),
  comeBack: (teacher: Teacher, on: string): Promise<Teacher> => json('POST', `/teachers/${part(teacher.id)}/return`, { on }, teacher.version),
};
