/// <reference lib="webworker" />
import { HalfRate, Outlet } from './outlets';
import type { Source } from './layout';
import type { FromWorker, ToWorker } from './messages';
import { Mixer } from './mixer';

/**
 * The compositing worker. It has its own timer, which a hidden tab does not slow down, and touches no page. What it can do is
 * found out here, in the worker, never by the browser's name.
 */

/** Safari's way: the track itself comes here and leaves from here. */
interface WorkerTracks {
  MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> };
  VideoTrackGenerator?: new () => { writable: WritableStream<VideoFrame>; track: MediaStreamTrack };
}

const scope = self as unknown as DedicatedWorkerGlobalScope & WorkerTracks;
const TICK_MS = 10;

const output = new Outlet();
const copy = new Outlet();
const half = new HalfRate(copy);
const readers: Partial<Record<Source, ReadableStreamDefaultReader<VideoFrame>>> = {};
const say = (message: FromWorker, transfer: Transferable[] = []): void => scope.postMessage(message, transfer);

let mixer: Mixer | null = null;

function mixing(): Mixer {
  mixer ??= new Mixer((frame) => {
    half.offer(frame);
    return output.write(frame);
  });
  return mixer;
}

async function pump(source: Source, readable: ReadableStream<VideoFrame>): Promise<void> {
  const reader = readable.getReader();
  readers[source] = reader;
  for (let first = true; ; first = false) {
    const { value: frame } = await reader.read();
    if (frame === undefined || readers[source] !== reader) {
      frame?.close();
      return;
    }
    mixing().take(source, frame, performance.now());
    if (first) say({ type: 'first', source });
  }
}

function connect(source: Source, readable: ReadableStream<VideoFrame> | null): void {
  readers[source]?.cancel().catch(() => undefined);
  readers[source] = undefined;
  mixing().drop(source);
  if (readable !== null) pump(source, readable).catch(() => mixing().drop(source));
}

function probe(): void {
  const canvas = typeof OffscreenCanvas === 'function' && typeof VideoFrame === 'function';
  const processor = scope.MediaStreamTrackProcessor !== undefined;
  say({ type: 'abilities', canvas, processor, generator: scope.VideoTrackGenerator !== undefined });
}

function begin(writable: WritableStream<VideoFrame> | null): void {
  if (writable !== null) output.connect(writable);
  else if (scope.VideoTrackGenerator !== undefined) {
    const generator = new scope.VideoTrackGenerator();
    output.connect(generator.writable);
    say({ type: 'track', track: generator.track }, [generator.track as unknown as Transferable]);
  }
  setInterval(() => mixing().tick(performance.now()), TICK_MS);
}

function connectTrack(source: Source, track: MediaStreamTrack | null): void {
  const processor = track && scope.MediaStreamTrackProcessor && new scope.MediaStreamTrackProcessor({ track });
  connect(source, processor?.readable ?? null);
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'probe':
      return probe();
    case 'output':
      return begin(message.writable);
    case 'copy':
      return copy.connect(message.writable);
    case 'input':
      return connect(message.source, message.readable);
    case 'track':
      return connectTrack(message.source, message.track);
    case 'scene':
      return mixing().show(message.scene);
    case 'words':
      return mixing().say(message.words);
  }
}

scope.onmessage = (event: MessageEvent<ToWorker>) => receive(event.data);
