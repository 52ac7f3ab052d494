import { request } from './problem';
import type { Named, PageOf } from './screens';
import type { Reason, WallLine } from './wall';

/** The list of the missing and urging, for the console. Every failure is a `Problem`. */
export interface MissingSchool {
  readonly school: Named;
  readonly county: Named;
  readonly expected: number;
  readonly items: readonly (Omit<WallLine, 'path' | 'reason'> & { readonly name: string; readonly reason: Reason })[];
  readonly contacts: readonly string[];
  readonly called_at: string | null;
  readonly called_by: string;
  readonly urged_at: string | null;
  readonly delivered_at: string | null;
  readonly read_at: string | null;
  readonly connected_at: string | null;
}

export type MissingList = PageOf<MissingSchool> & {
  readonly classes: number;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  readonly counties: readonly { readonly county: Named; readonly schools: number }[];
};

export interface UrgingOrder {
  readonly counties: readonly string[];
  readonly reasons: readonly Reason[];
  readonly note: string;
}

export interface UrgingPreview {
  readonly schools: number;
  readonly classes: number;
  readonly recent: number;
  readonly messages: number;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  readonly names: readonly string[];
  readonly title: string;
  readonly lines: readonly string[];
}

export interface UrgingSent {
  readonly id: string;
  readonly schools: number;
  readonly classes: number;
  readonly recent: number;
}

export interface Urging {
  readonly id: string;
  readonly at: string;
  readonly name: string;
  readonly reasons: readonly Reason[];
  readonly note: string;
  readonly schools: number;
  readonly classes: number;
  readonly delivered: number;
  readonly read: number;
  readonly connected: number;
}

export interface UrgingReceipt {
  readonly school: Named;
  readonly county: string;
  readonly missing: number;
  readonly expected: number;
  readonly sent_at: string;
  readonly delivered_at: string | null;
  readonly read_at: string | null;
  readonly read_by: string;
  readonly connected_at: string | null;
}

export interface OwnUrging {
  readonly id: string;
  readonly lecture_id: string;
  readonly title: string;
  readonly at: string;
  readonly missing: number;
  readonly expected: number;
  readonly note: string;
  readonly read_at: string | null;
  readonly connected_at: string | null;
}

const part = encodeURIComponent;

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return request(`/api/v1${path}`, init);
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await ask(method, path, body)).json()) as T;
}

export const urgingApi = {
  missing: (lecture: string, query: Readonly<Record<string, string>>): Promise<MissingList> => {
    const told = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
    return json('GET', `/lectures/${part(lecture)}/missing?${told}`);
  },
  called: async (lecture: string, school: string, note: string): Promise<void> =>
    void (await ask('POST', `/lectures/${part(lecture)}/missing/${part(school)}/contacted`, { note })),
  preview: (lecture: string, order: UrgingOrder): Promise<UrgingPreview> => json('POST', `/lectures/${part(lecture)}/urgings/preview`, order),
  send: (lecture: string, order: UrgingOrder): Promise<UrgingSent> => json('POST', `/lectures/${part(lecture)}/urgings`, order),
  list: async (lecture: string): Promise<Urging[]> => (await json<{ items: Urging[] }>('GET', `/lectures/${part(lecture)}/urgings`)).items,
  receipts: (lecture: string, id: string, page: number, size: number): Promise<PageOf<UrgingReceipt>> =>
    json('GET', `/lectures/${part(lecture)}/urgings/${part(id)}?page=${String(page)}&size=${String(size)}`),
  own: async (): Promise<OwnUrging[]> => (await json<{ items: OwnUrging[] }>('GET', '/urgings')).items,
  take: async (id: string, kind: 'delivered' | 'read'): Promise<void> => void (await ask('POST', `/urgings/${part(id)}/receipts`, { kind })),
};
