import { HEIGHT, leader, paceOf, passesThrough, SCENES, sourcesOf, WIDTH, type Scene, type SceneId, type Source } from './layout';
import type { Words } from './messages';
import { Monotone, Pacer, SourceClock } from './pacing';
import { paint, type Picture } from './painter';

/** Where composed frames go. It must close every frame it is given; `false` means it had no room and dropped it. */
export type Outlet = (frame: VideoFrame) => boolean;

interface Held {
  frame: VideoFrame;
  /** When it was captured, on the worker's clock, in µs. */
  at: number;
}

/**
 * Holds the newest frame of each source and emits composed ones. **Every frame is closed exactly once**: a source's when the
 * next one replaces it, a composed one by the outlet.
 */
export class Mixer {
  private scene: Scene = SCENES.camera;
  private words: Words = { title: '', lecturer: '', break: '' };
  private readonly held: Partial<Record<Source, Held>> = {};
  private readonly clocks: Record<Source, SourceClock> = { camera: new SourceClock(), screen: new SourceClock() };
  private readonly pacer = new Pacer(paceOf(SCENES.camera));
  private readonly times = new Monotone();
  private readonly canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  private readonly context: OffscreenCanvasRenderingContext2D;

  constructor(private readonly outlet: Outlet) {
    const context = this.canvas.getContext('2d', { alpha: false, desynchronized: true });
    if (context === null) throw new Error('this browser draws no 2D pictures in a worker');
    this.context = context;
  }

  show(scene: SceneId): void {
    this.scene = SCENES[scene];
    this.pacer.set(paceOf(this.scene));
  }

  say(words: Words): void {
    this.words = words;
  }

  /** A source brought a frame; the mixer owns it now. `now` is the worker's clock in ms. */
  take(source: Source, frame: VideoFrame, now: number): void {
    const at = this.clocks[source].place(frame.timestamp, now);
    this.held[source]?.frame.close();
    this.held[source] = { frame, at };
    if (!sourcesOf(this.scene).includes(source)) return;
    if (this.pacer.arrived(leader(this.scene) === source, at / 1000, now)) this.emit(at, now);
  }

  drop(source: Source): void {
    this.held[source]?.frame.close();
    this.held[source] = undefined;
    this.clocks[source] = new SourceClock();
  }

  tick(now: number): void {
    if (this.pacer.due(now)) this.emit(now * 1000, now);
  }

  private emit(timestampUs: number, now: number): void {
    const timestamp = this.times.next(timestampUs);
    this.pacer.sent(timestampUs / 1000, now);
    this.outlet(this.passing(timestamp) ?? this.composed(timestamp));
  }

  /** The source's own frame when the scene is nothing but it: no copy, no loss, no delay. */
  private passing(timestamp: number): VideoFrame | null {
    const [source] = sourcesOf(this.scene);
    const held = source === undefined ? undefined : this.held[source];
    if (held === undefined) return null;
    const size = { width: held.frame.displayWidth, height: held.frame.displayHeight };
    return passesThrough(this.scene, size) ? new VideoFrame(held.frame, { timestamp }) : null;
  }

  private composed(timestamp: number): VideoFrame {
    paint(this.context, this.scene, { camera: this.picture('camera'), screen: this.picture('screen') }, this.words);
    return new VideoFrame(this.canvas, { timestamp });
  }

  private picture(source: Source): Picture | undefined {
    const frame = this.held[source]?.frame;
    return frame && { image: frame, size: { width: frame.displayWidth, height: frame.displayHeight } };
  }
}
