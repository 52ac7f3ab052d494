import { HlsSource, type HlsEvent } from '../shared/hls';
import type { ScreenEvent } from './model';

/** The backup line: a thin shell around an HLS source that turns what happens into events of the machine. */

const CHECK_MS = 1000;
/** A check that comes later than this was asleep: what it measured is not a stall. */
const ASLEEP_MS = 5000;

export interface BackupOutlet {
  tell(event: ScreenEvent): void;
  token(): string;
  /** The element has its source and may be played. */
  show(): void;
}

export class Backup {
  private source: HlsSource | null = null;
  private timer = 0;
  private checkedAt = 0;
  private movedAt = 0;
  private position = 0;
  private stalls = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly outlet: BackupOutlet,
  ) {}

  get frames(): number {
    // Chrome 69 to 79 count under their own name.
    const old = this.video as HTMLVideoElement & { webkitDecodedFrameCount?: number };
    if (typeof this.video.getVideoPlaybackQuality === 'function') return this.video.getVideoPlaybackQuality().totalVideoFrames;
    return old.webkitDecodedFrameCount ?? 0;
  }

  /** Seconds without a moving picture since the page was opened. */
  get freezes(): number {
    return this.stalls;
  }

  run(url: string): void {
    this.leave();
    const { video, outlet } = this;
    const onEvent = (event: HlsEvent): void => void (source === this.source && this.hear(event));
    const source: HlsSource = new HlsSource({ video, url, token: () => outlet.token(), start: 'live', onEvent });
    this.source = source;
    this.checkedAt = this.movedAt = performance.now();
    this.position = 0;
    this.timer = window.setInterval(() => this.check(), CHECK_MS);
    void source.attach().then(() => source === this.source && outlet.show());
  }

  /** Nothing of the picture remains. */
  leave(): void {
    clearInterval(this.timer);
    this.source?.detach();
    this.source = null;
  }

  private hear(event: HlsEvent): void {
    if (event.type === 'playing') this.moved(performance.now());
    else if (event.type !== 'stalled') {
      this.outlet.tell({ type: 'backup-lost', gone: event.type === 'gone' || event.type === 'ended' });
    }
  }

  private check(): void {
    const now = performance.now();
    const { currentTime, readyState, videoWidth } = this.video;
    const advanced = currentTime !== this.position && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && videoWidth > 0;
    if (now - this.checkedAt > ASLEEP_MS) this.movedAt = now;
    this.checkedAt = now;
    if (advanced) {
      this.moved(now);
      return;
    }
    this.stalls += 1;
    this.outlet.tell({ type: 'backup', seconds: (now - this.movedAt) / 1000 });
  }

  private moved(now: number): void {
    this.movedAt = now;
    this.position = this.video.currentTime;
    this.outlet.tell({ type: 'backup', seconds: 0 });
  }
}
