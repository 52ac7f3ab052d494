import { request } from './problem';

/** Head-counts of a school's classes, for the console. Every failure is a `Problem`. */
export interface HeadCount {
  lecture_id: string;
  title: string;
  /** Of parents households are counted. */
  audience: 'pupils' | 'teachers' | 'parents';
  class_id: string;
  class_name: string;
  expected: number;
  opens_at: string;
  /** Null while the lecture runs. */
  closes_at: string | null;
  present: number | null;
  guests: number | null;
  /** Whoever confirmed: the id of a person, or `room` for the class screen. */
  by: string | null;
  at: string | null;
  version: number;
}

/** Confirmed of classes; present of counted, the pupils of the classes that confirmed. */
export interface CountSums {
  classes: number;
  confirmed: number;
  expected: number;
  counted: number;
  present: number;
  guests: number;
}

export interface SumsPage {
  lectures: { lecture_id: string; title: string; opens_at: string; closes_at: string | null }[];
  lecture_id: string | null;
  counties: { code: string; name: string; schools: number; waiting: number }[];
  sums: CountSums | null;
  schools: number;
  waiting: number;
  items: { code: string; name: string; county_name: string; sums: CountSums }[];
  total: number;
  page: number;
  size: number;
}

const part = encodeURIComponent;

export const headcountsApi = {
  /** What can be confirmed now at a school, one's own when none is named. */
  list: async (school = ''): Promise<HeadCount[]> => {
    const path = `/api/v1/head-counts${school === '' ? '' : `?school=${part(school)}`}`;
    return ((await (await request(path, { credentials: 'same-origin' })).json()) as { items: HeadCount[] }).items;
  },
  /** Sums school by school of a lecture, the newest when none is named; no class is named. */
  schools: async (query: Record<string, string>): Promise<SumsPage> =>
    (await (await request(`/api/v1/head-counts/schools?${new URLSearchParams(query).toString()}`, { credentials: 'same-origin' })).json()) as SumsPage,
  /** The newest counts; 412 when somebody confirmed since it was read. */
  confirm: async (row: HeadCount, present: number, guests: number): Promise<HeadCount> => {
    const headers = { 'Content-Type': 'application/json', 'If-Match': `"${String(row.version)}"` };
    const path = `/api/v1/lectures/${part(row.lecture_id)}/classes/${part(row.class_id)}/confirmation`;
    const init: RequestInit = { method: 'POST', headers, body: JSON.stringify({ present, guests }), credentials: 'same-origin' };
    return (await (await request(path, init)).json()) as HeadCount;
  },
};
