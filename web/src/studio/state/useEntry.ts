import { shallowRef, type ShallowRef } from 'vue';
import { api } from '../../shared/api';
import type { User } from '../../shared/types';
import { enter } from './entry';
import type { Live } from './useLive';
import { problemFrom, type Stage } from './useStage';

export interface EntryActions {
  user: ShallowRef<User | null>;
  begin(): Promise<void>;
  login(name: string, password: string): Promise<void>;
  retry(): Promise<void>;
}

/** Coming in: at once, after a login, or after another try. */
export function useEntry(lectureId: string, stage: Stage, live: Live): EntryActions {
  const user = shallowRef<User | null>(null);

  async function begin(): Promise<void> {
    stage.problem.value = null;
    const entry = await enter(lectureId);
    if (entry.kind !== 'in') {
      stage.problem.value = entry.problem;
      return stage.send(entry.kind === 'login' ? 'login_needed' : 'refused');
    }
    user.value = entry.user;
    stage.send('entered');
    live.open(entry.lecture);
  }

  async function retry(): Promise<void> {
    stage.send('retry');
    await begin();
  }

  async function login(name: string, password: string): Promise<void> {
    try {
      await api.login(name, password);
    } catch (error) {
      stage.problem.value = problemFrom(error, 'offline');
      return;
    }
    await retry();
  }

  return { user, begin, login, retry };
}
