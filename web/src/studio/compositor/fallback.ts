import type { Compositor } from './compositor';
import { HEIGHT, paceOf, SCENES, sourcesOf, WIDTH, type SceneId, type Source } from './layout';
import type { Words } from './messages';
import { Pacer } from './pacing';
import { paint, type Picture } from './painter';

/** For browsers without streams of frames: the page draws on a canvas whenever a worker's clock says so. */
export class CanvasCompositor implements Compositor {
  readonly output: MediaStreamTrack;
  onFirst: ((source: Source) => void) | null = null;
  private scene = SCENES.camera;
  private words: Words = { title: '', lecturer: '', break: '' };
  private readonly videos: Partial<Record<Source, HTMLVideoElement>> = {};
  private readonly canvas = document.createElement('canvas');
  private readonly context: CanvasRenderingContext2D;
  private readonly pacer = new Pacer(paceOf(SCENES.camera));
  private readonly ticker: Worker;

  constructor() {
    Object.assign(this.canvas, { width: WIDTH, height: HEIGHT });
    const context = this.canvas.getContext('2d', { alpha: false });
    const [track] = this.canvas.captureStream(0).getVideoTracks();
    if (context === null || track === undefined) throw new Error('this browser cannot make a track of a canvas');
    this.context = context;
    this.output = track;
    this.ticker = new Worker(new URL('./ticker.worker.ts', import.meta.url), { type: 'module' });
    this.ticker.onmessage = () => this.tick(performance.now());
  }

  input(source: Source, track: MediaStreamTrack | null): void {
    this.videos[source]?.pause();
    this.videos[source] = undefined;
    if (track === null) return;
    const video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
    video.srcObject = new MediaStream([track]);
    video.addEventListener('loadeddata', () => this.onFirst?.(source), { once: true });
    video.play().catch(() => undefined);
    this.videos[source] = video;
  }

  show(scene: SceneId): void {
    this.scene = SCENES[scene];
    this.pacer.set(paceOf(this.scene));
  }

  say(words: Words): void {
    this.words = words;
  }

  copy(): MediaStreamTrack {
    return this.output.clone();
  }

  close(): void {
    this.ticker.terminate();
    this.output.stop();
  }

  private tick(now: number): void {
    const moving = sourcesOf(this.scene).length > 0;
    if (!this.pacer.due(now) && !this.pacer.arrived(moving, now, now)) return;
    paint(this.context, this.scene, { camera: this.picture('camera'), screen: this.picture('screen') }, this.words);
    (this.output as MediaStreamTrack & { requestFrame?: () => void }).requestFrame?.();
    this.pacer.sent(now, now);
  }

  private picture(source: Source): Picture | undefined {
    const video = this.videos[source];
    if (video === undefined || video.videoWidth === 0) return undefined;
    return { image: video, size: { width: video.videoWidth, height: video.videoHeight } };
  }
}
