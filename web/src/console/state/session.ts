import { ref, shallowRef } from 'vue';
import { accountApi, type Session } from '../../shared/account';
import { api } from '../../shared/api';
import type { Problem } from '../../shared/problem';
import type { Permission, User } from '../../shared/types';
import { asProblem } from '../words';

/** Who is logged in: undefined while it is not known, null for nobody. */
export const user = shallowRef<User | null | undefined>(undefined);
/** Whether the login is for nothing but the setting up of one-time codes. */
export const enrolling = ref(false);
/** The login of somebody who has just set a password: the login page greets them. */
export const welcome = ref('');
/** Why that could not be found out. */
export const trouble = shallowRef<Problem | null>(null);

/** Takes in a login; one that has to set up one-time codes first opens no place. */
export function enter(session: Session): void {
  enrolling.value = session.stage === 'enrolment';
  user.value = enrolling.value ? { ...session.user, permissions: [] } : session.user;
  welcome.value = '';
}

export async function findOut(): Promise<void> {
  trouble.value = null;
  try {
    enter(await accountApi.session());
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
