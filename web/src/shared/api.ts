import { request } from './problem';
import type { Board, Lecture, LectureOrder, Recording, Ticket, User, Watch } from './types';

/** The REST interface under `/api/v1`. Every failure is a `Problem`. */

const ROOT = '/api/v1';

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return request(ROOT + path, init);
}

async function json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  return (await (await call(method, path, body, headers)).json()) as T;
}

const part = encodeURIComponent;

export const api = {
  login: async (login: string, password: string): Promise<User> =>
    (await json<{ user: User }>('POST', '/session', { login, password })).user,
  /** Exchanges the token of a lecturer's link for a login. */
  invitation: async (token: string): Promise<User> =>
    (await json<{ user: User }>('POST', '/session/invitation', { token })).user,
  who: async (): Promise<User> => (await json<{ user: User }>('GET', '/session')).user,
  logout: async (): Promise<void> => void (await call('DELETE', '/session')),

  lectures: async (): Promise<Lecture[]> => (await json<{ items: Lecture[] }>('GET', '/lectures')).items,
  lecture: (id: string): Promise<Lecture> => json('GET', `/lectures/${part(id)}`),
  order: (id: string, order: LectureOrder): Promise<Lecture> => json('POST', `/lectures/${part(id)}/${order}`),
  ticket: (id: string): Promise<Ticket> => json('POST', `/lectures/${part(id)}/ticket`),
  board: (id: string): Promise<Board> => json('GET', `/lectures/${part(id)}/board`),
  recordings: (lectureId: string): Promise<Recording[]> => json('GET', `/recordings?lecture_id=${part(lectureId)}`),
  exportUrl: (id: string, number: string, format: 'xlsx' | 'csv'): string =>
    `${ROOT}/lectures/${part(id)}/exports/${part(number)}.${format}`,

  /** Asks, as a paired screen, what to watch now. */
  watch: (screenId: string, deviceToken: string): Promise<Watch> =>
    json('POST', `/screens/${part(screenId)}/watch`, undefined, { Authorization: `Bearer ${deviceToken}` }),
};
