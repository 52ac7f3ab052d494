import { api } from '../../shared/api';
import { Problem } from '../../shared/problem';
import type { Lecture, User } from '../../shared/types';

/** How somebody gets in: by the link of an invitation, by the login there is, or by the login form. */

export type Entry =
  | { kind: 'in'; user: User; lecture: Lecture }
  | { kind: 'login'; problem: Problem | null }
  | { kind: 'refused'; problem: Problem };

/** `/studio/<id>` */
export function lectureIdOf(path: string): string {
  return decodeURIComponent(path.split('/')[2] ?? '');
}

/** Takes the invitation out of the address, so that it stands in no history and no screenshot. */
function invitation(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('invite');
  if (token !== null) history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

const asProblem = (error: unknown): Problem => (error instanceof Problem ? error : new Problem(0, 'offline'));

async function exchange(token: string | null): Promise<Problem | null> {
  if (token === null) return null;
  try {
    await api.invitation(token);
    return null;
  } catch (error) {
    return asProblem(error);
  }
}

export async function enter(lectureId: string): Promise<Entry> {
  const refused = await exchange(invitation());
  try {
    const user = await api.who();
    return { kind: 'in', user, lecture: await api.lecture(lectureId) };
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 401) return { kind: 'login', problem: refused };
    return { kind: 'refused', problem: refused ?? problem };
  }
}
