/**
 * When a composed frame goes out, and with which time.
 *
 * 1. **Times of frames come from one clock and always grow.** Cameras and screens stamp their frames by clocks of their own;
 *    each is placed on the worker's clock by the smallest delay seen, which keeps the source's even pace and its lips.
 * 2. A frame of the leading source goes out at once, unless the scene's rate is already met.
 * 3. Nothing new for a while sends the last picture again, at least ten times a second: late joiners and a hidden tab never starve.
 */
export const IDLE_MS = 85;

export class Pacer {
  private emittedAt = Number.NEGATIVE_INFINITY;
  private changed = false;

  constructor(private fps: number) {}

  setRate(fps: number): void {
    this.fps = fps;
    this.changed = true;
  }

  /** A source brought a picture at `now` (ms); returns whether to send a frame now. */
  arrived(leading: boolean, now: number): boolean {
    this.changed = true;
    return leading && this.rateAllows(now);
  }

  /** The timer fired; returns whether to send a frame now. */
  due(now: number): boolean {
    return now - this.emittedAt >= IDLE_MS || (this.changed && now - this.emittedAt >= 1.5 * this.interval);
  }

  sent(now: number): void {
    this.emittedAt = now;
    this.changed = false;
  }

  private get interval(): number {
    return 1000 / this.fps;
  }

  /** A quarter of jitter is allowed, else a 30 fps source on a 15 fps scene would give 10. */
  private rateAllows(now: number): boolean {
    return now - this.emittedAt >= 0.75 * this.interval;
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
