import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue';
import { api } from '../../shared/api';
import { isRehearsal } from '../../shared/rehearsal';
import type { RecordingSpace } from '../../shared/types';
import { t } from '../words';
import { figures, type Figures } from './space';
import type { Stage } from './useStage';

export interface Space {
  /** What to say of the space before the start; null while there is enough, or nothing is known. */
  short: ComputedRef<Figures | null>;
  /** Whether the start was refused for lack of space, and nobody has decided yet. */
  asking: Ref<boolean>;
  /** What the refusal said. */
  refused: ComputedRef<Figures>;
}

/** How much of a lecture could be recorded: asked when the check begins. Only a notice: the server decides at the start. A rehearsal is not recorded. */
export function useSpace(lectureId: string, stage: Stage): Space {
  const space = shallowRef<RecordingSpace | null>(null);
  const asking = ref(false);
  const say = (known: object): Figures => figures({ ...known }, (hours) => t('space.hours', hours));

  async function ask(): Promise<void> {
    try {
      space.value = await api.recordingSpace(lectureId);
    } catch {
      space.value = null;
    }
  }

  watch(stage.phase, (phase) => phase === 'check' && !isRehearsal(lectureId) && void ask(), { immediate: true });
  watch(stage.problem, (problem) => (asking.value = problem?.code === 'recording_space'));
  return {
    short: computed(() => (space.value === null || space.value.enough ? null : say(space.value))),
    asking,
    refused: computed(() => say(stage.problem.value?.fields ?? {})),
  };
}
