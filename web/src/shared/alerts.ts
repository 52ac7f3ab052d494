import { request } from './problem';
import type { Named, PageOf } from './screens';

/** The REST interface of duty, alarms and channels, for the console. Every failure is a `Problem`. */
export const RULES = ['no_duty', 'not_approved', 'no_studio', 'absent', 'disk', 'uploads', 'ledger', 'damaged'] as const;
export type Rule = (typeof RULES)[number];
/** What a channel may tell: alarms, and that schools are urged to connect. */
export const CHANNEL_RULES = [...RULES, 'urged'] as const;
export type ChannelRule = (typeof CHANNEL_RULES)[number];
export const KINDS = ['wecom', 'dingtalk', 'email', 'webhook'] as const;
export type ChannelKind = (typeof KINDS)[number];

interface Answered {
  at: string;
  name: string;
}

export interface Alert {
  id: string;
  rule: Rule;
  level: 'prefecture' | 'county' | 'school';
  node: Named;
  lecture: { id: string; title: string; starts_at: string | null } | null;
  occasion: number;
  count: number;
  expected: number;
  opened_at: string;
  cleared_at: string | null;
  cleared_because: '' | 'resolved' | 'started' | 'moved' | 'over';
  acknowledged: Answered | null;
  contacted: Answered | null;
  escalated_at: string | null;
  escalated_to: Named | null;
}

export interface AlertStep {
  kind: 'opened' | 'escalated' | 'acknowledged' | 'contacted' | 'cleared';
  at: string;
  name: string;
  note: string;
}

export type AlertHistory = Alert & { steps: AlertStep[] };

export interface AbsentSchool {
  school: Named;
  county: Named;
  reason: 'never_paired' | 'not_online' | 'line_bad';
  classes: number;
  screens: number;
  last_seen_at: string | null;
  contacts: string[];
  line: { good: boolean; at: string } | null;
  reminder: { id: string; acknowledged_at: string | null; escalated_at: string | null; contacted_at: string | null } | null;
  items: { name: string; paired: boolean; last_seen_at: string | null }[];
}

export type CallList = PageOf<AbsentSchool> & {
  expected: number;
  counties: { county: Named; absent: number; expected: number }[];
};

export interface Keeper {
  id: string;
  name: string;
  role: string;
  node: Named;
  enabled: boolean;
}

export interface Duty {
  items: Keeper[];
  version: number;
}

export interface Notice {
  id: string;
  event: 'opened' | 'escalated' | 'urged' | 'test';
  rule: ChannelRule | 'test';
  title: string;
  state: 'waiting' | 'sent' | 'failed';
  attempts: number;
  created_at: string;
  tried_at: string | null;
  sent_at: string | null;
  next_at: string | null;
  outcome: string;
  detail: string;
}

export interface Channel {
  id: string;
  name: string;
  kind: ChannelKind;
  node: Named;
  rules: ChannelRule[];
  hint: string;
  escalated_only: boolean;
  enabled: boolean;
  version: number;
  last: Notice | null;
}

/** What of a channel can be said; target and secret are never told back, so that an empty one means: as before. */
export interface ChannelOrder {
  name: string;
  kind?: ChannelKind;
  node: string;
  rules: readonly ChannelRule[];
  target?: string;
  secret?: string;
  escalated_only: boolean;
  enabled: boolean;
}

export interface Trial {
  ok: boolean;
  outcome: string;
  detail: string;
}

type Query = Readonly<Record<string, string>>;
const part = encodeURIComponent;

async function ask(method: string, path: string, body?: unknown, version?: number): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (version !== undefined) headers['If-Match'] = `"${String(version)}"`;
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    headers['Content-Type'] = 'application/json';
  }
  return request(`/api/v1${path}`, init);
}

async function json<T>(method: string, path: string, body?: unknown, version?: number): Promise<T> {
  return (await (await ask(method, path, body, version)).json()) as T;
}

/** Leaves out what is empty: the lists here have neither words to search nor another order. */
function told(query: Query): string {
  return new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
}

export const alertsApi = {
  list: (query: Query): Promise<PageOf<Alert>> => json('GET', `/alerts?${told(query)}`),
  counts: (): Promise<{ open: number; unacknowledged: number }> => json('GET', '/alerts/counts'),
  one: (id: string): Promise<AlertHistory> => json('GET', `/alerts/${part(id)}`),
  acknowledge: (id: string, note: string): Promise<AlertHistory> => json('POST', `/alerts/${part(id)}/acknowledge`, { note }),
  contacted: (id: string, note: string): Promise<AlertHistory> => json('POST', `/alerts/${part(id)}/contacted`, { note }),
  absent: (lecture: string, page: number, size: number): Promise<CallList> =>
    json('GET', `/lectures/${part(lecture)}/absent?page=${String(page)}&size=${String(size)}`),

  duty: (lecture: string): Promise<Duty> => json('GET', `/lectures/${part(lecture)}/duty`),
  candidates: async (lecture: string): Promise<Keeper[]> =>
    (await json<{ items: Keeper[] }>('GET', `/lectures/${part(lecture)}/duty/candidates`)).items,
  setDuty: (lecture: string, people: readonly string[], version: number): Promise<Duty> =>
    json('PUT', `/lectures/${part(lecture)}/duty`, { people }, version),

  channels: (query: Query): Promise<PageOf<Channel>> => json('GET', `/channels?${told(query)}`),
  addChannel: (order: ChannelOrder): Promise<Channel> => json('POST', '/channels', order),
  changeChannel: (channel: Channel, order: Partial<ChannelOrder>): Promise<Channel> =>
    json('PATCH', `/channels/${part(channel.id)}`, order, channel.version),
  removeChannel: async (channel: Channel): Promise<void> =>
    void (await ask('DELETE', `/channels/${part(channel.id)}`, undefined, channel.version)),
  testChannel: (id: string): Promise<Trial> => json('POST', `/channels/${part(id)}/test`, {}),
  notices: (id: string): Promise<PageOf<Notice>> => json('GET', `/channels/${part(id)}/notices?size=50`),
};
