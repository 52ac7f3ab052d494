import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import type { Measured } from './accumulator';
import { levelOf, NO_LEVEL, SilenceWatch, type Level } from './level';
import meterUrl from './meter.worklet.ts?worker&url';

export interface Meter {
  level: ShallowRef<Level>;
  /** No sound for three seconds. */
  silent: Ref<boolean>;
  /** Sound was heard at least once from the present microphone. */
  heard: Ref<boolean>;
}

/** Measures the very track that is sent, not a copy of it: what the meter shows is what the classes get. */
export function useMeter(track: Ref<MediaStreamTrack | null>): Meter {
  const level = shallowRef<Level>(NO_LEVEL);
  const [silent, heard] = [ref(false), ref(false)];
  let context: AudioContext | null = null;
  let disconnect = (): void => undefined;

  async function open(): Promise<AudioContext> {
    if (context === null) {
      context = new AudioContext({ latencyHint: 'interactive' });
      await context.audioWorklet.addModule(meterUrl);
    }
    await context.resume();
    return context;
  }

  function attach(audio: AudioContext, measured: MediaStreamTrack): void {
    const source = audio.createMediaStreamSource(new MediaStream([measured]));
    const node = new AudioWorkletNode(audio, 'jiangtang-meter', { numberOfOutputs: 0 });
    const watcher = new SilenceWatch(performance.now() / 1000);
    node.port.onmessage = ({ data }: MessageEvent<Measured>) => {
      level.value = levelOf(data.sumOfSquares, data.samples, data.peak);
      silent.value = watcher.hear(level.value, performance.now() / 1000);
      heard.value = watcher.heard;
    };
    source.connect(node);
    disconnect = () => {
      node.port.onmessage = null;
      source.disconnect();
    };
  }

  watch(track, async (measured) => {
    disconnect();
    heard.value = silent.value = false;
    level.value = NO_LEVEL;
    if (measured === null) return;
    const audio = await open();
    if (track.value === measured) attach(audio, measured);
  }, { immediate: true });

  onScopeDispose(() => {
    disconnect();
    void context?.close();
  });
  return { level, silent, heard };
}
