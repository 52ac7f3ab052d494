import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { cameraConstraints, cannot, capture, captureRemembered, microphoneConstraints, stop } from './capture';
import { find, recall, remember, type Kind } from './memory';
import { refusalOf, type Refusal } from './refusal';

export interface Devices {
  camera: ShallowRef<MediaStreamTrack | null>;
  microphone: ShallowRef<MediaStreamTrack | null>;
  cameras: ComputedRef<MediaDeviceInfo[]>;
  microphones: ComputedRef<MediaDeviceInfo[]>;
  refusal: Ref<Refusal | null>;
  asking: Ref<boolean>;
  muted: Ref<boolean>;
  /** Asks for camera and microphone at once; sets `refusal` when it fails. */
  prepare(): Promise<void>;
  choose(kind: Kind, deviceId: string): Promise<void>;
  mute(on: boolean): void;
  close(): void;
}

export interface DeviceNews {
  /** A device in use vanished; another of its kind took over, or none is left. */
  lost(kind: Kind, replacement: string | null): void;
  /** The device that was lost is back. */
  returned(kind: Kind, label: string, back: () => void): void;
}

/** Camera and microphone of the studio: permission, choice, loss and return. */
export function useDevices(news: DeviceNews): Devices {
  const camera = shallowRef<MediaStreamTrack | null>(null);
  const microphone = shallowRef<MediaStreamTrack | null>(null);
  const list = shallowRef<MediaDeviceInfo[]>([]);
  const refusal = ref<Refusal | null>(cannot());
  const [asking, muted] = [ref(false), ref(false)];
  const missing = new Map<Kind, string>();
  const slot = (kind: Kind): ShallowRef<MediaStreamTrack | null> => (kind === 'videoinput' ? camera : microphone);
  const of = (kind: Kind): MediaDeviceInfo[] => list.value.filter((d) => d.kind === kind && d.deviceId !== '');

  function adopt(kind: Kind, track: MediaStreamTrack | undefined): void {
    if (track === undefined) return;
    slot(kind).value?.stop();
    slot(kind).value = track;
    if (kind === 'audioinput') track.enabled = !muted.value;
    track.addEventListener('ended', () => void lost(kind, track));
    const deviceId = track.getSettings().deviceId ?? '';
    remember(kind, { deviceId, label: track.label });
  }

  async function refresh(): Promise<void> {
    list.value = await navigator.mediaDevices.enumerateDevices();
  }

  async function prepare(): Promise<void> {
    refusal.value = cannot();
    if (refusal.value !== null) return;
    asking.value = true;
    try {
      await refresh();
      const wanted = (kind: Kind): string | null => find(of(kind), recall(kind))?.deviceId ?? null;
      const stream = await captureRemembered(wanted('videoinput'), wanted('audioinput'));
      adopt('videoinput', stream.getVideoTracks()[0]);
      adopt('audioinput', stream.getAudioTracks()[0]);
      await refresh();
    } catch (error) {
      refusal.value = refusalOf(error);
    } finally {
      asking.value = false;
    }
  }

  async function take(kind: Kind, deviceId: string | null): Promise<void> {
    const constraints = kind === 'videoinput' ? { video: cameraConstraints(deviceId) } : { audio: microphoneConstraints(deviceId) };
    adopt(kind, (await capture(constraints)).getTracks()[0]);
  }

  async function choose(kind: Kind, deviceId: string): Promise<void> {
    missing.delete(kind);
    await take(kind, deviceId).catch((error: unknown) => (refusal.value = refusalOf(error)));
  }

  /** Hot unplug: fall back to another device of the kind, and always say so. */
  async function lost(kind: Kind, track: MediaStreamTrack): Promise<void> {
    if (slot(kind).value !== track) return;
    missing.set(kind, track.label);
    slot(kind).value = null;
    await take(kind, null).catch(() => undefined);
    news.lost(kind, slot(kind).value?.label ?? null);
  }

  async function changed(): Promise<void> {
    await refresh();
    for (const [kind, label] of missing) {
      const device = of(kind).find((candidate) => candidate.label === label);
      if (device === undefined) continue;
      missing.delete(kind);
      news.returned(kind, label, () => void choose(kind, device.deviceId));
    }
  }

  function mute(on: boolean): void {
    muted.value = on;
    if (microphone.value) microphone.value.enabled = !on;
  }

  function close(): void {
    const tracks = [camera.value, microphone.value].filter((track) => track !== null);
    camera.value = microphone.value = null;
    stop(new MediaStream(tracks));
  }

  const onChange = (): void => void changed();
  (navigator.mediaDevices as MediaDevices | undefined)?.addEventListener('devicechange', onChange);
  onScopeDispose(() => (navigator.mediaDevices as MediaDevices | undefined)?.removeEventListener('devicechange', onChange));
  return {
    camera,
    microphone,
    cameras: computed(() => of('videoinput')),
    microphones: computed(() => of('audioinput')),
    refusal,
    asking,
    muted,
    prepare,
    choose,
    mute,
    close,
  };
}
