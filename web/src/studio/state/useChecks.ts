import { computed, type ComputedRef } from 'vue';
import { rehearsing, t } from '../words';
import type { StudioKey } from '../words/zh';
import type { Studio } from './useStudio';

export interface Check {
  id: 'camera' | 'sound' | 'network' | 'content';
  ok: boolean;
  /** What is fine, or what is missing and what to do. */
  text: string;
}

type Answer = [ok: boolean, key: StudioKey];

const refused = (studio: Studio): StudioKey | null => {
  const refusal = studio.devices.refusal.value;
  return refusal === null ? null : `refusal.${refusal}.reason`;
};

function camera(studio: Studio): Answer {
  if (studio.devices.camera.value !== null && studio.picture.seen.value) return [true, 'check.camera.ok'];
  const asked = studio.picture.output.value !== null;
  const missing = asked && studio.devices.camera.value === null ? 'check.camera.none' : 'check.camera.wait';
  return [false, refused(studio) ?? missing];
}

function sound(studio: Studio): Answer {
  const { devices, meter, soundSkipped, picture } = studio;
  const missing = picture.output.value ? 'check.sound.none' : 'check.sound.wait';
  if (devices.microphone.value === null) return [false, refused(studio) ?? missing];
  if (devices.muted.value) return [false, 'check.sound.muted'];
  if (meter.heard.value) return [true, 'check.sound.ok'];
  return soundSkipped.value ? [true, 'check.sound.skipped'] : [false, 'check.sound.quiet'];
}

const network = (studio: Studio): Answer =>
  studio.live.connected.value ? [true, 'check.network.ok'] : [false, 'check.network.wait'];

const content = (studio: Studio): Answer =>
  rehearsing || studio.live.lecture.value?.approved === true ? [true, 'check.content.ok'] : [false, 'check.content.no'];

/** The four lines of the check page; they turn green by themselves. */
export function useChecks(studio: Studio): { checks: ComputedRef<Check[]>; obstacle: ComputedRef<string | null> } {
  const of = (id: Check['id'], [ok, key]: Answer): Check => ({ id, ok, text: t(key) });
  const checks = computed(() => [
    of('camera', camera(studio)),
    of('sound', sound(studio)),
    of('network', network(studio)),
    of('content', content(studio)),
  ]);
  return { checks, obstacle: computed(() => checks.value.find((check) => !check.ok)?.text ?? null) };
}
