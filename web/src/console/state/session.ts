import { ref, shallowRef } from 'vue';
import { api } from '../../shared/api';
import type { Problem } from '../../shared/problem';
import type { Permission, User } from '../../shared/types';
import { asProblem } from '../words';

/** Who is logged in: undefined while it is not known, null for nobody. */
export const user = shallowRef<User | null | undefined>(undefined);
/** Why that could not be found out. */
export const trouble = shallowRef<Problem | null>(null);

export async function findOut(): Promise<void> {
  trouble.value = null;
  try {
    user.value = await api.who();
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 401) user.value = null;
    else trouble.value = problem;
  }
}

export async function leave(): Promise<void> {
  await api.logout().catch(asProblem); // an expired login is a logout as well
  user.value = null;
}

/** A request that is answered 401 means that the login has expired. */
export function noticeExpiry(problem: Problem): void {
  if (problem.status === 401) user.value = null;
}

/** Whether the person who is logged in may do this at their node; the server decides in the end. */
export function may(permission: Permission): boolean {
  return user.value?.permissions.includes(permission) ?? false;
}

export const online = ref(navigator.onLine);
addEventListener('online', () => (online.value = true));
addEventListener('offline', () => (online.value = false));
