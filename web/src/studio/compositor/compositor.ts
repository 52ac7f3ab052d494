import type { SceneId, Source } from './layout';
import type { FromWorker, ToWorker, Words } from './messages';
import { CanvasCompositor } from './fallback';

/**
 * Makes one picture of camera and screen. **The output is one track for life**: scenes and devices change behind it, so nothing
 * is negotiated again and the recorder sees one stream.
 */
export interface Compositor {
  readonly output: MediaStreamTrack;
  input(source: Source, track: MediaStreamTrack | null): void;
  show(scene: SceneId): void;
  say(words: Words): void;
  /** A track for the safety copy at half the rate where that is possible, else a clone of the output. */
  copy(): MediaStreamTrack;
  /** Hears when a source shows its first picture. */
  onFirst: ((source: Source) => void) | null;
  close(): void;
}

interface WindowTracks {
  MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack; maxBufferSize: number }) => { readable: ReadableStream<VideoFrame> };
  MediaStreamTrackGenerator?: new (init: { kind: 'video' }) => MediaStreamTrack & { writable: WritableStream<VideoFrame> };
}

const windowTracks = (): WindowTracks => globalThis as unknown as WindowTracks;

function hear<T extends FromWorker['type']>(worker: Worker, type: T): Promise<Extract<FromWorker, { type: T }>> {
  return new Promise((resolve, reject) => {
    worker.addEventListener('error', () => reject(new Error('the compositing worker did not start')), { once: true });
    const listen = (event: MessageEvent<FromWorker>): void => {
      if (event.data.type !== type) return;
      worker.removeEventListener('message', listen);
      resolve(event.data as Extract<FromWorker, { type: T }>);
    };
    worker.addEventListener('message', listen);
  });
}

/** Chrome and Edge: streams of frames go to the worker, tracks stay in the page. Safari: tracks go. Others: a canvas. */
export async function createCompositor(): Promise<Compositor> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'compositor' });
  const answer = hear(worker, 'abilities');
  post(worker, { type: 'probe' });
  const can = await answer;
  const tracks = windowTracks();
  if (can.canvas && tracks.MediaStreamTrackProcessor && tracks.MediaStreamTrackGenerator) {
    return new WindowTrackCompositor(worker, tracks as Required<WindowTracks>);
  }
  if (can.canvas && can.processor && can.generator) return workerTrackCompositor(worker);
  worker.terminate();
  return new CanvasCompositor();
}

function post(worker: Worker, message: ToWorker, transfer: Transferable[] = []): void {
  worker.postMessage(message, transfer);
}

abstract class WorkerCompositor implements Compositor {
  onFirst: ((source: Source) => void) | null = null;
  abstract readonly output: MediaStreamTrack;

  constructor(protected readonly worker: Worker) {
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
      if (event.data.type === 'first') this.onFirst?.(event.data.source);
    });
  }

  abstract input(source: Source, track: MediaStreamTrack | null): void;

  show(scene: SceneId): void {
    post(this.worker, { type: 'scene', scene });
  }

  say(words: Words): void {
    post(this.worker, { type: 'words', words });
  }

  copy(): MediaStreamTrack {
    return this.output.clone();
  }

  close(): void {
    this.output.stop();
    this.worker.terminate();
  }
}

class WindowTrackCompositor extends WorkerCompositor {
  readonly output: MediaStreamTrack;

  constructor(
    worker: Worker,
    private readonly tracks: Required<WindowTracks>,
  ) {
    super(worker);
    const generator = new tracks.MediaStreamTrackGenerator({ kind: 'video' });
    this.output = generator;
    post(worker, { type: 'output', writable: generator.writable }, [generator.writable]);
  }

  input(source: Source, track: MediaStreamTrack | null): void {
    const readable = track && new this.tracks.MediaStreamTrackProcessor({ track, maxBufferSize: 3 }).readable;
    post(this.worker, { type: 'input', source, readable }, readable ? [readable] : []);
  }

  override copy(): MediaStreamTrack {
    const generator = new this.tracks.MediaStreamTrackGenerator({ kind: 'video' });
    post(this.worker, { type: 'copy', writable: generator.writable }, [generator.writable]);
    return generator;
  }
}

class WorkerTrackCompositor extends WorkerCompositor {
  constructor(
    worker: Worker,
    readonly output: MediaStreamTrack,
  ) {
    super(worker);
  }

  input(source: Source, track: MediaStreamTrack | null): void {
    const moved = track?.clone() ?? null;
    post(this.worker, { type: 'track', source, track: moved }, moved ? [moved as unknown as Transferable] : []);
  }
}

async function workerTrackCompositor(worker: Worker): Promise<Compositor> {
  const answer = hear(worker, 'track');
  post(worker, { type: 'output', writable: null });
  return new WorkerTrackCompositor(worker, (await answer).track);
}
