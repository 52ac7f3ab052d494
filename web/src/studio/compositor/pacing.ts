/**
 * When a composed frame goes out, and with which time.
 *
 * 1. **Times of frames come from one clock and always grow.** Cameras and screens stamp their frames by clocks of their own;
 *    each is placed on the worker's clock by the smallest delay seen, which keeps the source's even pace and its lips.
 * 2. A frame of the leading source goes out at once, unless the scene's rate is already met; the rate is judged by when frames
 *    were captured, so that two which come late and together both go out.
 * 3. Nothing new for a while sends the last picture again, at least ten times a second: late joiners and a hidden tab never
 *    starve. A leading source that only stutters is waited for, so that no picture goes out twice.
 */
export const IDLE_MS = 85;
const STUTTER_MS = 200;

export interface Pace {
  fps: number;
  /** Whether a source leads that brings pictures of its own accord: a camera, not a screen. */
  steady: boolean;
}

export class Pacer {
  private emittedAt = Number.NEGATIVE_INFINITY;
  private capturedAt = Number.NEGATIVE_INFINITY;
  private ledAt = Number.NEGATIVE_INFINITY;
  private changed = false;

  constructor(private pace: Pace) {}

  set(pace: Pace): void {
    this.pace = pace;
    this.changed = true;
  }

  /** A source brought a picture at `now`, captured at `captured` (ms); returns whether to send a frame now. */
  arrived(leading: boolean, captured: number, now: number): boolean {
    this.changed = true;
    if (leading) this.ledAt = now;
    return leading && captured - this.capturedAt >= this.least;
  }

  /** The timer fired; returns whether to send a frame now. */
  due(now: number): boolean {
    const since = now - this.emittedAt;
    if (this.changed && since >= 1.5 * this.interval) return true;
    return since >= IDLE_MS && (!this.pace.steady || now - this.ledAt >= STUTTER_MS);
  }

  sent(captured: number, now: number): void {
    this.emittedAt = now;
    this.capturedAt = captured;
    this.changed = false;
  }

  private get interval(): number {
    return 1000 / this.pace.fps;
  }

  /** Cameras are asked for 30 fps, so a scene of 30 takes what comes; one of 15 takes every second, with room for jitter. */
  private get least(): number {
    return (this.pace.fps >= 30 ? 0.4 : 0.75) * this.interval;
  }
}

/** Places one source's timestamps (µs) on the worker's clock (ms): offset = smallest delay seen, forgotten slowly. */
export class SourceClock {
  private offset: number | null = null;

  place(timestampUs: number, nowMs: number): number {
    const delay = nowMs * 1000 - timestampUs;
    if (this.offset === null || delay < this.offset || delay - this.offset > 500_000) this.offset = delay;
    else this.offset += Math.min(20, (delay - this.offset) / 1000);
    return timestampUs + this.offset;
  }
}

/** Times that always grow, in whole microseconds. */
export class Monotone {
  private last = Number.NEGATIVE_INFINITY;

  next(timestampUs: number): number {
    this.last = Math.max(Math.round(timestampUs), this.last + 1);
    return this.last;
  }
}
