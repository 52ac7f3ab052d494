import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { Problem } from '../../shared/problem';
import { accepts, next, onAir, type Phase, type StudioEvent } from './machine';

export interface Stage {
  phase: Ref<Phase>;
  problem: ShallowRef<Problem | null>;
  isOnAir: ComputedRef<boolean>;
  /** For what somebody did here: an event that the table does not list is a mistake of ours. */
  send(event: StudioEvent): void;
  /** For what the server or the network says: it may come at any time, and is ignored where it means nothing. */
  tell(event: StudioEvent): void;
}

/** Where the studio is. The phase moves by the table of `machine.ts` and by nothing else. */
export function useStage(): Stage {
  const phase = ref<Phase>('entering');
  const send = (event: StudioEvent): void => void (phase.value = next(phase.value, event));
  const tell = (event: StudioEvent): void => {
    if (accepts(phase.value, event)) send(event);
  };
  return { phase, problem: shallowRef(null), isOnAir: computed(() => onAir(phase.value)), send, tell };
}

/** Any failure as one with a code. */
export function problemFrom(error: unknown, code: string): Problem {
  return error instanceof Problem ? error : new Problem(0, code);
}
