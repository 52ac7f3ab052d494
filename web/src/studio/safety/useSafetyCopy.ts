import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import { Ring, type Piece } from './ring';

export interface SafetyCopy {
  running: Ref<boolean>;
  pieces: ShallowRef<readonly Piece<Blob>[]>;
  start(video: MediaStreamTrack, audio: MediaStreamTrack | null): void;
  stop(): void;
  /** File name extension of the pieces. */
  extension: Ref<string>;
}

const SPAN_SECONDS = 600;
const MAX_BYTES = 200_000_000;
const PIECE_SECONDS = 60;
const TYPES = ['video/webm;codecs=h264,opus', 'video/webm;codecs=vp8,opus', 'video/mp4'];

/**
 * Keeps the last ten minutes on the lecturer's own machine, in pieces of a minute that each play by themselves. Bounded by time
 * and bytes; the browser spills large blobs to disk. A browser that cannot record simply has no copy.
 */
export function useSafetyCopy(): SafetyCopy {
  const running = ref(false);
  const pieces = shallowRef<readonly Piece<Blob>[]>([]);
  const ring = new Ring<Blob>(SPAN_SECONDS, MAX_BYTES);
  const extension = ref('webm');
  let stream: MediaStream | null = null;
  let recorder: MediaRecorder | null = null;
  let timer = 0;

  function keep(blob: Blob, startedAt: number): void {
    if (blob.size === 0) return;
    ring.add({ startedAt, seconds: (Date.now() - startedAt) / 1000, bytes: blob.size, blob });
    pieces.value = ring.pieces;
  }

  function piece(): void {
    if (stream === null) return;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const startedAt = Date.now();
    const next = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 1_200_000, audioBitsPerSecond: 64_000 });
    extension.value = next.mimeType.includes('mp4') ? 'mp4' : 'webm';
    next.ondataavailable = ({ data }) => keep(data, startedAt);
    next.onerror = stop;
    next.start();
    if (recorder?.state === 'recording') recorder.stop();
    recorder = next;
    timer = window.setTimeout(piece, PIECE_SECONDS * 1000);
  }

  function start(video: MediaStreamTrack, audio: MediaStreamTrack | null): void {
    if (typeof MediaRecorder !== 'function' || running.value) return;
    stream = new MediaStream(audio === null ? [video] : [video, audio.clone()]);
    running.value = true;
    piece();
  }

  function stop(): void {
    clearTimeout(timer);
    if (recorder?.state === 'recording') recorder.stop();
    for (const track of stream?.getTracks() ?? []) track.stop();
    recorder = stream = null;
    running.value = false;
  }

  onScopeDispose(stop);
  return { running, pieces, start, stop, extension };
}
