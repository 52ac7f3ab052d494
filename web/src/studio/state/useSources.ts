import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue';
import { SCENES, sourcesOf, type SceneId } from '../compositor/layout';
import { useDevices, type Devices } from '../devices/useDevices';
import { VIDEO_BITRATE } from '../publish/encoding';
import { SoundMix } from '../sound/mix';
import { useMeter, type Meter } from '../sound/useMeter';
import { t } from '../words';
import type { Live } from './useLive';
import type { Notices } from './useNotices';
import { usePicture, type Picture } from './usePicture';

export interface Sources {
  devices: Devices;
  picture: Picture;
  meter: Meter;
  /** The sound that is sent. */
  sound: ShallowRef<MediaStreamTrack | null>;
  bitrate: ComputedRef<number>;
  /** Asks for camera and microphone, then makes the picture. */
  prepare(): Promise<void>;
  show(scene: SceneId): Promise<void>;
  close(): void;
}

/** Camera, microphone and screen, and the one picture and one sound that are made of them. */
export function useSources(live: Live, notices: Notices): Sources {
  const devices = useDevices({
    lost: (kind, now) => notices.say(t(now === null ? `notice.${kind}.none` : `notice.${kind}.lost`, { now: now ?? '' })),
    returned: (kind, label, back) =>
      notices.say(t(`notice.${kind}.returned`, { label }), { label: t('notice.back'), run: back }),
  });
  const words = computed(() => ({
    title: live.lecture.value?.title ?? '',
    lecturer: live.lecture.value?.lecturer.name ?? '',
    break: t('card.break'),
  }));
  const picture = usePicture(devices.camera, words, () => notices.say(t('notice.screen.ended')));
  const mix = new SoundMix();
  const sound = shallowRef<MediaStreamTrack | null>(null);
  watch([devices.microphone, picture.screenSound], ([mic, screen]) => (sound.value = mix.track(mic, screen)));
  const withScreen = computed(() => sourcesOf(SCENES[picture.scene.value]).includes('screen'));

  return {
    devices,
    picture,
    meter: useMeter(sound),
    sound,
    bitrate: computed(() => (withScreen.value ? VIDEO_BITRATE.screen : VIDEO_BITRATE.camera)),
    async prepare() {
      await devices.prepare();
      if (devices.camera.value !== null) await picture.prepare();
    },
    async show(scene) {
      if (!(await picture.show(scene))) notices.say(t('notice.screen.refused'));
    },
    close() {
      picture.close();
      devices.close();
      mix.close();
    },
  };
}
