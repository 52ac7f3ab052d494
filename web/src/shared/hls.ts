import type Hls from 'hls.js/light';
import type { ErrorData, HlsConfig, LoadPolicy, RetryConfig } from 'hls.js/light';

/**
 * One HLS address in one video element: live, rewound or recorded. hls.js comes in a chunk of its own when it is first wanted;
 * where the browser has no MediaSource its own HLS is used, with the cookie that the watch answer set.
 *
 * 1. **`detach` leaves nothing of the picture**: the buffer and the element are emptied. `gone` and `refused` detach by themselves.
 * 2. **Nothing is told after `detach`**, and an element is never played or muted here: that belongs to whoever owns its sound.
 * 3. `refused`, `gone` and `failed` are told once, as the last word; of a broken picture a repair is tried once before.
 */
export type HlsEvent =
  | { type: 'playing' }
  | { type: 'stalled' }
  | { type: 'refused'; status: number } // 401, 403
  | { type: 'gone' } // 410: the lecture was stopped
  | { type: 'failed' }
  | { type: 'ended' };

export interface HlsOptions {
  video: HTMLVideoElement;
  url: string;
  /** The watch token, asked before every request, so that a fresh one is used at once. */
  token: () => string;
  /** `live` follows the live edge and catches up after a stall; a number is a position in seconds, kept as it is. */
  start: 'live' | number;
  onEvent(event: HlsEvent): void;
}

/** Seconds behind the live edge from where following it means jumping instead of playing a little faster. */
const TOO_FAR_BEHIND = 10;
const CATCH_UP_RATE = 1.1;
const NATIVE_TYPE = 'application/vnd.apple.mpegurl';

function retries(maxNumRetry: number, retryDelayMs: number, maxRetryDelayMs: number): RetryConfig {
  return { maxNumRetry, retryDelayMs, maxRetryDelayMs, backoff: 'linear' };
}

function policy(firstByteMs: number, wholeMs: number, timeouts: number, errors: RetryConfig): LoadPolicy {
  const timeoutRetry = retries(timeouts, 0, 0);
  return { default: { maxTimeToFirstByteMs: firstByteMs, maxLoadTimeMs: wholeMs, timeoutRetry, errorRetry: errors } };
}

/** A blocked playlist is answered within three target durations (24 s) at the latest; 4xx is an answer, never tried again. */
function configuration(options: HlsOptions): Partial<HlsConfig> {
  const { start } = options;
  return {
    enableWorker: false, // the pages' policy allows no worker from a blob
    lowLatencyMode: true,
    startPosition: start === 'live' ? -1 : start,
    maxLiveSyncPlaybackRate: start === 'live' ? CATCH_UP_RATE : 1, // a speed that a person chose is left alone
    backBufferLength: 30,
    maxBufferLength: 30,
    maxMaxBufferLength: start === 'live' ? 60 : 30, // what is fetched far ahead counts as faster than the clock where a lecture is made up
    manifestLoadPolicy: policy(8000, 10_000, 1, retries(6, 1000, 2000)),
    playlistLoadPolicy: policy(30_000, 40_000, 1, retries(4, 500, 4000)),
    fragLoadPolicy: policy(10_000, 30_000, 2, retries(5, 500, 4000)),
    xhrSetup: (request, url) => authorize(request, url, options.token()),
  };
}

/** The token goes to the server of this page alone, never to an object store that a playlist may name. */
function authorize(request: XMLHttpRequest, url: string, token: string): void {
  const target = new URL(url, document.baseURI);
  if (request.readyState === XMLHttpRequest.UNSENT) request.open('GET', target.href, true);
  if (target.origin === location.origin) request.setRequestHeader('Authorization', `Bearer ${token}`);
}

/** What an answer of the server means, or null when it may be tried again. */
function verdictOf(status: number): HlsEvent | null {
  if (status === 410) return { type: 'gone' };
  return status === 401 || status === 403 ? { type: 'refused', status } : null;
}

export class HlsSource {
  private engine: Hls | null = null;
  private events: (typeof Hls)['Events'] | null = null;
  private attached = false;
  private following: boolean;
  private repaired = false;
  private readonly unhear: (() => void)[] = [];

  constructor(private readonly options: HlsOptions) {
    this.following = options.start === 'live';
  }

  /** Resolves when the element has its source, so that `play()` may be called; failures are told as events. */
  async attach(): Promise<void> {
    if (this.attached) return;
    this.attached = true;
    const engine = await import('hls.js/light').catch((error: unknown) => {
      console.warn('hls.js does not load', error);
      return null;
    });
    if (!this.attached) return;
    this.hear();
    if (engine?.default.isSupported() === true) this.begin(engine.default);
    else if (this.options.video.canPlayType(NATIVE_TYPE) !== '') this.beginNative();
    else this.last({ type: 'failed' });
  }

  detach(): void {
    this.attached = false;
    this.unhear.splice(0).forEach((stop) => stop());
    this.engine?.destroy();
    this.engine = null;
    const { video } = this.options;
    if (!video.hasAttribute('src')) return;
    video.removeAttribute('src');
    video.load();
  }

  /** What can be sought, in seconds of the element's time; `end` is the live edge where it is followed. */
  range(): { start: number; end: number } {
    const details = this.engine?.latestLevelDetails ?? null;
    if (details !== null) return { start: details.fragmentStart, end: details.live ? (this.edge() ?? details.edge) : details.edge };
    const { seekable } = this.options.video;
    return seekable.length === 0 ? { start: 0, end: 0 } : { start: seekable.start(0), end: seekable.end(seekable.length - 1) };
  }

  /** Seconds behind the newest that can be had; null when nothing new comes, or nothing is known yet. */
  behind(): number | null {
    const details = this.engine?.latestLevelDetails ?? null;
    if (this.engine !== null) return details?.live === true ? Math.max(0, this.engine.latency) : null;
    const { video } = this.options;
    return this.attached && video.duration === Infinity ? Math.max(0, this.range().end - video.currentTime) : null;
  }

  toLive(): void {
    this.following = true;
    const edge = this.edge();
    if (edge !== null) this.options.video.currentTime = edge;
  }

  seek(seconds: number): void {
    this.following = false;
    const { start, end } = this.range();
    const target = Math.min(Math.max(seconds, start), end);
    this.options.video.currentTime = target;
    this.refill(target);
  }

  /**
   * A picture that was begun in the middle of a segment holds that segment in part, and hls.js never loads it again: whoever goes
   * back would miss its first seconds. Going back in what still grows begins with an empty buffer.
   */
  private refill(target: number): void {
    const { engine, events } = this;
    const { buffered } = this.options.video;
    if (engine?.latestLevelDetails?.live !== true || events === null || buffered.length === 0) return;
    for (let i = 0; i < buffered.length; i += 1) if (buffered.start(i) <= target && target < buffered.end(i)) return;
    engine.trigger(events.BUFFER_FLUSHING, { startOffset: 0, endOffset: Infinity, type: null });
  }

  /** The place to be at when live: as near to the newest as the playlist allows. */
  private edge(): number | null {
    if (this.engine !== null) return this.engine.liveSyncPosition;
    const { seekable } = this.options.video;
    return seekable.length === 0 ? null : seekable.end(seekable.length - 1);
  }

  private begin(Engine: typeof Hls): void {
    const { video, url } = this.options;
    const engine = (this.engine = new Engine(configuration(this.options)));
    this.events = Engine.Events;
    engine.on(Engine.Events.ERROR, (_name, data) => this.examine(data, data.type === Engine.ErrorTypes.MEDIA_ERROR));
    engine.on(Engine.Events.LEVEL_UPDATED, () => this.keepUp());
    engine.loadSource(url);
    engine.attachMedia(video);
  }

  private beginNative(): void {
    const { video, url, start } = this.options;
    this.on('error', () => void this.askWhy());
    // Chromium's own HLS starts an unfinished playlist at its beginning, whatever is wished.
    this.on('loadedmetadata', () => (start === 'live' ? this.toLive() : (video.currentTime = start)));
    video.src = url;
  }

  private hear(): void {
    this.on('playing', () => this.options.onEvent({ type: 'playing' }));
    this.on('waiting', () => this.options.onEvent({ type: 'stalled' }));
    this.on('ended', () => this.options.onEvent({ type: 'ended' }));
  }

  private on(name: 'playing' | 'waiting' | 'ended' | 'error' | 'loadedmetadata', handle: () => void): void {
    const { video } = this.options;
    video.addEventListener(name, handle);
    this.unhear.push(() => video.removeEventListener(name, handle));
  }

  private examine(data: ErrorData, ofMedia: boolean): void {
    const verdict = verdictOf(data.response?.code ?? 0);
    if (verdict !== null) this.last(verdict);
    else if (!data.fatal) return;
    else if (ofMedia && !this.repaired) this.repair();
    else this.last({ type: 'failed' });
  }

  private repair(): void {
    this.repaired = true;
    this.engine?.recoverMediaError();
  }

  /** A machine that slept, or a long stall: whoever follows the live edge is brought back to it. */
  private keepUp(): void {
    const { video } = this.options;
    if (this.following && !video.paused && !video.seeking && (this.behind() ?? 0) > TOO_FAR_BEHIND) this.toLive();
  }

  /** A video element says only that it failed; the server says why. */
  private async askWhy(): Promise<void> {
    const { url, token } = this.options;
    const headers = { Authorization: `Bearer ${token()}` };
    const status = await fetch(url, { headers, credentials: 'same-origin' }).then((answer) => answer.status, () => 0);
    this.last(verdictOf(status) ?? { type: 'failed' });
  }

  private last(event: HlsEvent): void {
    if (!this.attached) return;
    if (event.type === 'failed') this.stop();
    else this.detach();
    this.options.onEvent(event);
  }

  /** The last frame may stay until the owner detaches. */
  private stop(): void {
    this.attached = false;
    this.unhear.splice(0).forEach((stop) => stop());
    this.engine?.stopLoad();
  }
}
