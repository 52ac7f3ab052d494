import { request } from './problem';
import type { PageOf } from './screens';

/** The pool of lecturers. */
export const TOPICS = ['禁毒知识', '禁毒常识', '毒品认识', '毒品防范', '禁毒教育'] as const;
/** Stages of classes: kindergarten, primary, junior, senior, vocational. */
export const STAGES = ['11', '21', '31', '34', '36'] as const;

export interface Hours {
  /** 1 is Monday. */
  weekday: number;
  /** Minutes of the schools' local day. */
  begins: number;
  ends: number;
}

export interface Exception {
  begins_at: string;
  ends_at: string;
  free: boolean;
}

export interface Profile {
  field: string;
  position: string;
  organisation: string;
  introduction: string;
  contact: string | null;
  active: boolean;
  topics: string[];
  stages: string[];
  hours: Hours[];
  exceptions: Exception[];
}

/** Why somebody is not free at the time that was asked for. */
export interface Hindrance {
  reason: 'inactive' | 'lecture' | 'away' | 'hours';
  begins_at: string | null;
  ends_at: string | null;
  /** Of another lecture, where one may see it. */
  title: string | null;
}

/** The mean of what planners said of a lecturer, each about each lecture once. */
export interface Rating {
  mean: number;
  count: number;
}

export const STARS = [1, 2, 3, 4, 5] as const;

export interface LectureRating {
  own: { stars: number; note: string; at: string } | null;
  lecturer: Rating | null;
  over: boolean;
}

export interface Expert extends Profile {
  id: string;
  name: string;
  version: number;
  /** Null where no time was asked for, empty for who is free then. */
  hindrances: Hindrance[] | null;
  /** Null without opinions, and for who is no planner. */
  rating: Rating | null;
}

/** When somebody is wanted; `but` is the plan that is being changed. */
export interface When {
  readonly at: string;
  readonly minutes: number;
  readonly but?: string;
}

export interface ExpertRecord extends Expert {
  lectures: { id: string; title: string; scheduled_at: string; minutes: number }[];
}

export interface AddedExpert extends ExpertRecord {
  login: string;
  invitation_url: string;
}

const part = encodeURIComponent;

async function ask<T>(method: string, path: string, body?: unknown, version?: number): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  return (await (await request(`/api/v1${path}`, init)).json()) as T;
}

export const expertsApi = {
  list: (query: Record<string, string>): Promise<PageOf<Expert>> => ask('GET', `/experts?${new URLSearchParams(query).toString()}`),
  /** Everybody whom the query leaves, who is free then first; without a time by name. */
  forPlan: (query: Record<string, string>, { at, minutes, but }: When): Promise<PageOf<Expert>> => {
    const then: Record<string, string> = at === '' ? {} : { at, minutes: String(minutes), ...(but !== undefined && { lecture_id: but }) };
    return expertsApi.list(Object.fromEntries(Object.entries({ ...query, ...then }).filter(([, value]) => value !== '')));
  },
  one: (id: string): Promise<ExpertRecord> => ask('GET', `/experts/${part(id)}`),
  rating: (lecture: string): Promise<LectureRating> => ask('GET', `/lectures/${part(lecture)}/rating`),
  rate: (lecture: string, stars: number, note: string): Promise<LectureRating> =>
    ask('POST', `/lectures/${part(lecture)}/rating`, { stars, note }),
  add: (name: string): Promise<AddedExpert> => ask('POST', '/experts', { name }),
  change: (id: string, version: number, changes: Partial<Profile>): Promise<ExpertRecord> =>
    ask('PATCH', `/experts/${part(id)}`, changes, version),
};
