import type { Capability } from './capability';
import type { LineTest, Verdict } from './lines';
import { request } from './problem';

/** The REST interface of classroom screens, for the console. Every failure is a `Problem`. */
export interface Named {
  code: string;
  name: string;
}

export interface Screen {
  id: string;
  terminal_no: number;
  class: { id: string; name: string };
  school: Named;
  county: Named;
  paired_at: string | null;
  revoked_at: string | null;
  repaired_at: string | null;
  last_seen_at: string | null;
  agent: string;
  /** `held`: its browser signs what it asks; `none`: the token is all it has. */
  key: 'held' | 'none';
  /** What its browser says that it can do, null before its page was opened. */
  capability: Capability | null;
  line_test: { verdict: Verdict; at: string } | null;
  live: boolean;
}

/** Of the paired screens, how many were tested in the last `days`, and what came out. */
export interface LineSummary {
  days: number;
  paired: number;
  tested: number;
  good: number;
  limited: number;
  bad: number;
}

export type ScreenState = 'paired' | 'there' | 'idle' | 'never' | 'revoked';

export interface PageOf<T> {
  items: T[];
  total: number;
  page: number;
  size: number;
}

export interface Waiting {
  id: string;
  address: string;
  agent: string;
  created_at: string;
}

export interface Sticker {
  screen_id: string;
  terminal_no: number;
  class: { id: string; name: string };
  code: string;
  url: string;
  svg: string;
}

const part = encodeURIComponent;

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
  }
  return request(`/api/v1${path}`, init);
}

async function get<T>(path: string): Promise<T> {
  return (await (await ask('GET', path)).json()) as T;
}

export const screensApi = {
  list: (query: Record<string, string>): Promise<PageOf<Screen>> => get(`/screens?${new URLSearchParams(query).toString()}`),
  lineTests: async (id: string): Promise<LineTest[]> =>
    (await get<{ items: LineTest[] }>(`/screens/${part(id)}/line-tests`)).items,
  lineSummary: (query: Record<string, string>): Promise<LineSummary> =>
    get(`/line-tests/summary?${new URLSearchParams(query).toString()}`),
  revoke: async (id: string): Promise<void> => void (await ask('POST', `/screens/${part(id)}/revoke`)),
  lookUp: async (code: string): Promise<Waiting> => (await (await ask('POST', '/pairings/lookup', { code })).json()) as Waiting,
  confirm: async (id: string, code: string, classId: string, terminalNo: number): Promise<Screen> =>
    (await (
      await ask('POST', `/pairings/${part(id)}/confirm`, { code, class_id: classId, terminal_no: terminalNo })
    ).json()) as Screen,
  refuse: async (id: string, code: string): Promise<void> => void (await ask('POST', `/pairings/${part(id)}/refuse`, { code })),
  stickers: (school: string): Promise<{ school: Named; items: Sticker[] }> => get(`/schools/${part(school)}/stickers`),
  schools: async (text: string): Promise<Named[]> =>
    (await get<PageOf<Named>>(`/schools?${new URLSearchParams({ q: text, size: '50' }).toString()}`)).items,
  /** Numbers of the paired terminals of a class. */
  terminals: async (classId: string): Promise<number[]> => {
    const record = await get<{ screen_list: { terminal_no: number; paired_at: string | null; revoked_at: string | null }[] }>(
      `/classes/${part(classId)}`,
    );
    return record.screen_list.filter((one) => one.paired_at !== null && one.revoked_at === null).map((one) => one.terminal_no);
  },
  classes: async (school: string): Promise<{ id: string; name: string }[]> =>
    (await get<PageOf<{ id: string; name: string }>>(`/classes?${new URLSearchParams({ school, size: '200' }).toString()}`)).items,
};
