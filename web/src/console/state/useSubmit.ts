import { computed, onUnmounted, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import type { Problem } from '../../shared/problem';
import { asProblem, i18n, t, type Key } from '../words';

/** A form that is sent: busy, what went wrong, what of it belongs to which field, and how long to wait before the next try. */
export interface Submit {
  readonly busy: Ref<boolean>;
  readonly problem: ShallowRef<Problem | null>;
  readonly wait: Ref<number>;
  readonly fields: ComputedRef<Readonly<Record<string, string>>>;
  /** Resolves to whether it went well. */
  run(send: () => Promise<void>): Promise<boolean>;
}

interface FieldError {
  field: string;
  reason: string;
}

/** The sentences of a 422, by field; a reason without words of its own is named. */
function sentences(problem: Problem | null): Record<string, string> {
  const found: Record<string, string> = {};
  if (problem?.code !== 'invalid') return found;
  for (const { field, reason } of (problem.fields['errors'] ?? []) as FieldError[]) {
    const key = `reason.${reason}`;
    const words = i18n.has(key) ? t(key as Key) : t('reason.other', { code: reason });
    found[field] = found[field] === undefined ? words : t('reason.and', { first: found[field], second: words });
  }
  return found;
}

export function useSubmit(): Submit {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  const wait = ref(0);
  let timer = 0;

  function countDown(seconds: number): void {
    clearInterval(timer);
    wait.value = Math.ceil(seconds);
    timer = window.setInterval(() => {
      wait.value -= 1;
      if (wait.value > 0) return;
      clearInterval(timer);
      problem.value = null;
    }, 1000);
  }

  async function run(send: () => Promise<void>): Promise<boolean> {
    if (busy.value || wait.value > 0) return false;
    busy.value = true;
    problem.value = null;
    try {
      await send();
      return true;
    } catch (error) {
      problem.value = asProblem(error);
      if (problem.value.retryAfter !== null) countDown(problem.value.retryAfter);
      return false;
    } finally {
      busy.value = false;
    }
  }

  onUnmounted(() => clearInterval(timer));
  return { busy, problem, wait, run, fields: computed(() => sentences(problem.value)) };
}
