import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import type { Problem } from '../../shared/problem';
import { asProblem, explained, t } from '../words';
import { faults } from './faults';
import { noticeExpiry } from './session';

/** A form that is sent: what is wrong stands at the field that it is about, everything else above the form. */
export interface Form {
  readonly errors: Ref<Record<string, string>>;
  readonly problem: ShallowRef<Problem | null>;
  readonly busy: Ref<boolean>;
  /** Sends it unless `wrong` has something to say; whether it was taken. `rescue` may deal with a refusal by itself. */
  send(act: () => Promise<void>, wrong?: Record<string, string>, rescue?: (problem: Problem) => boolean): Promise<boolean>;
}

const WORDS = { missing: 'form.missing', long: 'form.long', wrong: 'form.wrong' } as const;

export function useForm(fields: readonly string[]): Form {
  const errors = ref<Record<string, string>>({});
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);

  function take(refused: Problem): void {
    const found = faults(refused, fields);
    const said = (reason: keyof typeof WORDS | 'code'): string => {
      if (reason !== 'code') return t(WORDS[reason]);
      const told = explained(refused);
      return `${told.reason}${t('app.colon')}${told.next}`;
    };
    errors.value = Object.fromEntries(found.map(({ field, reason }) => [field, said(reason)]));
    if (found.length === 0) problem.value = refused;
  }

  async function send(act: () => Promise<void>, wrong: Record<string, string> = {}, rescue?: (problem: Problem) => boolean): Promise<boolean> {
    problem.value = null;
    errors.value = wrong;
    if (busy.value || Object.keys(wrong).length > 0) return false;
    busy.value = true;
    try {
      await act();
      return true;
    } catch (error) {
      const refused = asProblem(error);
      noticeExpiry(refused);
      if (rescue?.(refused) !== true) take(refused);
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { errors, problem, busy, send };
}
