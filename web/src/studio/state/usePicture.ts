import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { createCompositor, type Compositor } from '../compositor/compositor';
import { SCENES, sourcesOf, type SceneId } from '../compositor/layout';
import type { Words } from '../compositor/messages';
import { captureScreen, stop } from '../devices/capture';

export interface Picture {
  /** The composed track, once there is one; it stays the same for the page's life. */
  output: ShallowRef<MediaStreamTrack | null>;
  compositor: ShallowRef<Compositor | null>;
  scene: Ref<SceneId>;
  /** A camera frame has passed through the compositor. */
  seen: Ref<boolean>;
  screenSound: ShallowRef<MediaStreamTrack | null>;
  sharing: Ref<boolean>;
  prepare(): Promise<void>;
  /** Shows a scene; one with a screen asks for it first. Returns whether it is shown. */
  show(scene: SceneId): Promise<boolean>;
  share(): Promise<boolean>;
  close(): void;
}

/** The picture that the classes see: scenes over camera and screen. `ended` hears that the shared screen went away. */
export function usePicture(camera: Ref<MediaStreamTrack | null>, words: Ref<Words>, ended: () => void): Picture {
  const compositor = shallowRef<Compositor | null>(null);
  const output = shallowRef<MediaStreamTrack | null>(null);
  const screenSound = shallowRef<MediaStreamTrack | null>(null);
  const scene = ref<SceneId>('camera');
  const [seen, sharing] = [ref(false), ref(false)];
  let screen: MediaStream | null = null;

  async function prepare(): Promise<void> {
    if (compositor.value !== null) return;
    const made = await createCompositor();
    made.onFirst = (source) => (seen.value ||= source === 'camera');
    made.say(words.value);
    made.show(scene.value);
    if (camera.value) made.input('camera', camera.value);
    compositor.value = made;
    output.value = made.output;
  }

  function unshare(): void {
    stop(screen);
    screen = null;
    sharing.value = false;
    screenSound.value = null;
    compositor.value?.input('screen', null);
  }

  function lost(stream: MediaStream): void {
    if (stream !== screen) return;
    unshare();
    if (sourcesOf(SCENES[scene.value]).includes('screen')) void show('camera');
    ended();
  }

  async function share(): Promise<boolean> {
    const stream = await captureScreen().catch(() => null); // the person closed the question: nothing changes
    const [track] = stream?.getVideoTracks() ?? [];
    if (stream === null || track === undefined) return false;
    unshare();
    screen = stream;
    sharing.value = true;
    screenSound.value = stream.getAudioTracks()[0] ?? null;
    track.addEventListener('ended', () => lost(stream));
    compositor.value?.input('screen', track);
    return true;
  }

  async function show(next: SceneId): Promise<boolean> {
    if (sourcesOf(SCENES[next]).includes('screen') && !sharing.value && !(await share())) return false;
    scene.value = next;
    compositor.value?.show(next);
    return true;
  }

  function close(): void {
    unshare();
    compositor.value?.close();
    compositor.value = output.value = null;
  }

  watch(camera, (track) => compositor.value?.input('camera', track));
  watch(words, (value) => compositor.value?.say(value));
  onScopeDispose(close);
  return { output, compositor, scene, seen, screenSound, sharing, prepare, show, share, close };
}
