import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue';
import { api } from '../../shared/api';
import type { RecordingSpace } from '../../shared/types';
import { t } from '../words';
import type { Stage } from './useStage';

/** `1 小时 25 分`: rounded down, so that nobody counts on a minute that is not there. */
export function inHours(hours: number): string {
  const minutes = Math.max(0, Math.floor(hours * 60 + 1e-6));
  return t('space.hours', { h: Math.floor(minutes / 60), m: minutes % 60 });
}

/** The figures of a document or of the problem `recording_space`. */
export function figures(space: Readonly<Record<string, unknown>>): { left: string; wanted: string } {
  return { left: inHours(Number(space['hours_left'] ?? 0)), wanted: inHours(Number(space['hours_wanted'] ?? 0)) };
}

export interface Space {
  /** What to say of the space before the start; null while there is enough, or nothing is known. */
  short: ComputedRef<{ left: string; wanted: string } | null>;
  /** Whether the start was refused for lack of space, and nobody has decided yet. */
  asking: Ref<boolean>;
}

/** How much of a lecture could be recorded: asked when the check begins. Only a notice: the server decides at the start. */
export function useSpace(lectureId: string, stage: Stage): Space {
  const space = shallowRef<RecordingSpace | null>(null);
  const asking = ref(false);

  async function ask(): Promise<void> {
    try {
      space.value = await api.recordingSpace(lectureId);
    } catch {
      space.value = null;
    }
  }

  watch(stage.phase, (phase) => phase === 'check' && void ask(), { immediate: true });
  watch(stage.problem, (problem) => (asking.value = problem?.code === 'recording_space'));
  return { short: computed(() => (space.value === null || space.value.enough ? null : figures({ ...space.value }))), asking };
}
