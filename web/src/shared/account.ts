import { request } from './problem';
import type { User } from './types';

/** The REST interface of logging in and of one's own account. Every failure is a `Problem`. */
export interface Session {
  user: User;
  /** At `enrolment` nothing is open but the setting up of one-time codes. */
  stage: 'full' | 'enrolment';
}

export interface Policy {
  shortest: number;
  longest: number;
  kinds: number;
}

export interface Invited {
  login: string;
  name: string;
  first: boolean;
  expires_at: string;
  policy: Policy;
}

export interface Account {
  id: string;
  login: string;
  name: string;
  role: User['role'];
  node: string;
  created_at: string;
  password_changed_at: string | null;
  policy: Policy;
  second_factor: { since: string | null; required: boolean; codes_left: number };
}

/** Shown once. */
export interface Enrolment {
  secret: string;
  address: string;
  qr: string;
}

export interface OwnLogin {
  id: string;
  here: boolean;
  lecture_id: string | null;
  address: string;
  agent: string;
  created_at: string;
  seen_at: string | null;
  expires_at: string;
}

const SLOW_MS = 30_000; // many people log in at once when a school day begins

async function ask(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return request(`/api/v1${path}`, init, timeoutMs);
}

async function json<T>(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<T> {
  return (await (await ask(method, path, body, timeoutMs)).json()) as T;
}

export const accountApi = {
  session: (): Promise<Session> => json('GET', '/session'),
  /** 401 `totp_required` asks for `code` next. */
  login: (login: string, password: string): Promise<Session> => json('POST', '/session', { login, password }, SLOW_MS),
  code: (code: string): Promise<Session> => json('POST', '/session/code', { code }, SLOW_MS),

  invited: (token: string): Promise<Invited> => json('POST', '/invited', { token }),
  setPassword: async (token: string, password: string): Promise<void> =>
    void (await ask('POST', '/invited/password', { token, password })),

  account: (): Promise<Account> => json('GET', '/account'),
  changePassword: async (old: string, next: string): Promise<void> =>
    void (await ask('POST', '/account/password', { old, new: next })),
  logins: async (): Promise<OwnLogin[]> => (await json<{ items: OwnLogin[] }>('GET', '/account/logins')).items,
  endLogin: async (id: string): Promise<void> => void (await ask('DELETE', `/account/logins/${encodeURIComponent(id)}`)),
  endOthers: async (): Promise<void> => void (await ask('DELETE', '/account/logins')),

  enrol: (password: string | null): Promise<Enrolment> => json('POST', '/account/totp', { password }),
  confirm: async (code: string): Promise<string[]> =>
    (await json<{ codes: string[] }>('POST', '/account/totp/confirm', { code })).codes,
  renewCodes: async (password: string, code: string): Promise<string[]> =>
    (await json<{ codes: string[] }>('POST', '/account/totp/codes', { password, code })).codes,
  turnOff: (password: string, code: string): Promise<Session> => json('POST', '/account/totp/off', { password, code }),
};
