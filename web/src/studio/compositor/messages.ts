import type { SceneId, Source } from './layout';

/** What the page says to the compositing worker, and what it hears. */

/** The words of the title card and the break. */
export interface Words {
  title: string;
  lecturer: string;
  break: string;
}

export type ToWorker =
  | { type: 'probe' }
  | { type: 'output'; writable: WritableStream<VideoFrame> | null }
  | { type: 'copy'; writable: WritableStream<VideoFrame> | null }
  | { type: 'input'; source: Source; readable: ReadableStream<VideoFrame> | null }
  | { type: 'track'; source: Source; track: MediaStreamTrack | null }
  | { type: 'scene'; scene: SceneId }
  | { type: 'words'; words: Words };

export type FromWorker =
  | { type: 'abilities'; canvas: boolean; processor: boolean; generator: boolean }
  | { type: 'track'; track: MediaStreamTrack }
  | { type: 'first'; source: Source };
