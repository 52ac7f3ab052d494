import { request } from './problem';

/** Head-counts of a school's classes, for the console. Every failure is a `Problem`. */
export interface HeadCount {
  lecture_id: string;
  title: string;
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

const part = encodeURIComponent;

export const headcountsApi = {
  /** What can be confirmed now at a school, one's own when none is named. */
  list: async (school = ''): Promise<HeadCount[]> => {
    const path = `/api/v1/head-counts${school === '' ? '' : `?school=${part(school)}`}`;
    return ((await (await request(path, { credentials: 'same-origin' })).json()) as { items: HeadCount[] }).items;
  },
  /** The newest counts; 412 when somebody confirmed since it was read. */
  confirm: async (row: HeadCount, present: number, guests: number): Promise<HeadCount> => {
    const headers = { 'Content-Type': 'application/json', 'If-Match': `"${String(row.version)}"` };
    const path = `/api/v1/lectures/${part(row.lecture_id)}/classes/${part(row.class_id)}/confirmation`;
    const init: RequestInit = { method: 'POST', headers, body: JSON.stringify({ present, guests }), credentials: 'same-origin' };
    return (await (await request(path, init)).json()) as HeadCount;
  },
};
