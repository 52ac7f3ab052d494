import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import type { Problem } from '../../shared/problem';
import { asProblem } from '../words';
import { noticeExpiry } from './session';

/** Something that is loaded, again and again: what was loaded last stays until something newer is there. */
export interface Load<T> {
  readonly value: ShallowRef<T | null>;
  readonly problem: ShallowRef<Problem | null>;
  readonly busy: Ref<boolean>;
  load(): Promise<void>;
}

export function useLoad<T>(fetch: () => Promise<T>): Load<T> {
  const value = shallowRef<T | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  let newest = 0;
  async function load(): Promise<void> {
    const mine = ++newest;
    busy.value = true;
    try {
      const loaded = await fetch();
      if (mine === newest) [value.value, problem.value] = [loaded, null];
    } catch (error) {
      if (mine === newest) problem.value = asProblem(error);
      noticeExpiry(asProblem(error));
    } finally {
      if (mine === newest) busy.value = false;
    }
  }
  return { value, problem, busy, load };
}
