import { request } from './problem';
import type { Lecture } from './types';

/** Ways in to a lecture, its rehearsal, and the calendar of a school, for the console. Every failure is a `Problem`. */

/** Whether there is a key or a link, and how long it holds; what it is nobody can be told again. */
export interface Held {
  held: boolean;
  until: string | null;
}

export interface NewKey {
  stream_key: string;
  whip_url: string;
  not_before: string;
  not_after: string;
}

export interface NewLink {
  studio_url: string;
  expires_at: string;
}

export interface Rehearsal extends Lecture {
  rehearsal_of: string;
  studio_url: string;
  ends_at: string;
}

export interface RehearsalWatch {
  whep_url: string;
  token: string;
  expires_in: number;
}

export interface Calendar {
  url: string;
  number: number;
  renewed_at: string | null;
}

const part = encodeURIComponent;
const lecture = (id: string, what: string): string => `/lectures/${part(id)}/${what}`;

async function ask(method: string, path: string): Promise<Response> {
  return request(`/api/v1${path}`, { method, headers: { Accept: 'application/json' }, credentials: 'same-origin' });
}

async function json<T>(method: string, path: string): Promise<T> {
  return (await (await ask(method, path)).json()) as T;
}

export const entrancesApi = {
  key: async (id: string): Promise<Held> => {
    const told = await json<{ held: boolean; not_after: string | null }>('GET', lecture(id, 'stream-key'));
    return { held: told.held, until: told.not_after };
  },
  makeKey: (id: string): Promise<NewKey> => json('POST', lecture(id, 'stream-key')),
  endKey: async (id: string): Promise<void> => void (await ask('DELETE', lecture(id, 'stream-key'))),

  link: async (id: string): Promise<Held> => {
    const told = await json<{ held: boolean; expires_at: string | null }>('GET', lecture(id, 'invitation'));
    return { held: told.held, until: told.expires_at };
  },
  makeLink: (id: string): Promise<NewLink> => json('POST', lecture(id, 'invitation')),
  endLink: async (id: string): Promise<void> => void (await ask('DELETE', lecture(id, 'invitation'))),

  /** What goes on of a lecture's rehearsals: one at most. */
  rehearsals: async (id: string): Promise<Rehearsal[]> => (await json<{ items: Rehearsal[] }>('GET', lecture(id, 'rehearsal'))).items,
  rehearse: (id: string): Promise<Rehearsal> => json('POST', lecture(id, 'rehearsal')),
  endRehearsal: (id: string): Promise<Rehearsal> => json('POST', `/rehearsals/${part(id)}/end`),
  watchRehearsal: (id: string): Promise<RehearsalWatch> => json('POST', `/rehearsals/${part(id)}/watch`),

  calendar: (school: string): Promise<Calendar> => json('GET', `/schools/${part(school)}/calendar`),
  renewCalendar: (school: string): Promise<Calendar> => json('POST', `/schools/${part(school)}/calendar/renew`),
};
