/** A generator's stream wants one frame at a time; two more may wait. */
const WAITING = 3;

/**
 * Writes frames into a track's stream. **At most three frames wait**: when the stream has no room the new frame is dropped and
 * closed, for a late picture is worth nothing.
 */
export class Outlet {
  private writer: WritableStreamDefaultWriter<VideoFrame> | null = null;
  dropped = 0;

  connect(writable: WritableStream<VideoFrame> | null): void {
    this.writer?.close().catch(() => undefined);
    this.writer = writable?.getWriter() ?? null;
  }

  /** Whether it can take a frame now. */
  get ready(): boolean {
    return this.writer !== null && (this.writer.desiredSize ?? -WAITING) > 1 - WAITING;
  }

  write(frame: VideoFrame): boolean {
    if (this.writer === null || !this.ready) {
      this.dropped += 1;
      frame.close();
      return false;
    }
    // A generator closes what it takes; a stream that ended rejects, and the frame is ours to close.
    this.writer.write(frame).catch(() => frame.close());
    return true;
  }
}

/** Lets every second frame through, and none when there is no need: the safety copy costs half the encoding. */
export class HalfRate {
  private odd = false;

  constructor(private readonly outlet: Outlet) {}

  offer(frame: VideoFrame): void {
    this.odd = !this.odd;
    if (this.odd && this.outlet.ready) this.outlet.write(frame.clone());
  }
}
