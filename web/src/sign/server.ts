import { request } from '../shared/problem';

/** The three questions behind a venue's code. The pass is a cookie that no script reads. Every failure is a `Problem`. */
export interface Arrival {
  title: string;
  room: string;
  school: string;
  way: 'in' | 'out';
}

export interface Signed {
  way: 'in' | 'out';
  at: string;
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const init = { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } as const;
  return (await (await request(`/api/v1/training/${path}`, init)).json()) as T;
}

export const arrive = (code: string): Promise<Arrival> => post('arrivals', { code });
export const names = async (number: string): Promise<string[]> => (await post<{ names: string[] }>('names', { staff_no: number })).names;
export const sign = (number: string, name: string): Promise<Signed> => post('signs', { staff_no: number, name });
