import { HlsSource, type HlsEvent } from '../hls';
import type { Programme } from './types';
import { troubleOf, type Trouble } from './words';

/**
 * The picture without its buttons: one video element fed by `HlsSource`, live rewind and finished recording alike.
 *
 * 1. **Never silently muted**: when the browser forbids sound the picture plays without it, `sound` says `blocked`, and
 *    `unblock` within a touch turns it on.
 * 2. A hiccup shorter than `STALL_MS` is not shown.
 * 3. At the live edge the speed is 1; somebody who paused there stays where he paused.
 */
const STALL_MS = 300;
/** Nearer than this to the newest is live: low-latency playback keeps 2 to 4 s. */
export const LIVE_WITHIN_S = 10;

export type Phase = 'loading' | 'ready' | 'failed';
export type Sound = 'on' | 'muted' | 'blocked';

export interface Reading {
  phase: Phase;
  trouble: Trouble | null;
  paused: boolean;
  ended: boolean;
  stalled: boolean;
  at: number;
  start: number;
  end: number;
  buffered: { start: number; end: number } | null;
  /** Seconds behind live, or null when nothing new comes. */
  behind: number | null;
  rate: number;
  sound: Sound;
  volume: number;
}

const HEARD = ['play', 'pause', 'timeupdate', 'progress', 'durationchange', 'seeked', 'ratechange', 'volumechange', 'ended'];

export class Playback {
  private source: HlsSource | null = null;
  private phase: Phase = 'loading';
  private trouble: Trouble | null = null;
  private stalled = false;
  private stallTimer = 0;
  private blocked = false;
  private readonly unhear: (() => void)[] = [];

  constructor(
    readonly video: HTMLVideoElement,
    private readonly programme: Programme,
    private readonly changed: () => void,
  ) {
    for (const name of HEARD) this.on(name, changed);
    this.on('loadeddata', () => this.become('ready', null));
    this.on('waiting', () => this.stall());
    this.on('seeking', () => this.stall());
    for (const name of ['playing', 'seeked', 'pause', 'canplay']) this.on(name, () => this.flow());
  }

  /** Takes the picture from `start` on; `play` begins it. */
  async open(start: 'live' | number): Promise<void> {
    this.source?.detach();
    this.become('loading', null);
    const { url, token } = this.programme;
    const source = new HlsSource({ video: this.video, url, token, start, onEvent: (event) => this.hear(event) });
    this.source = source;
    await source.attach();
  }

  close(): void {
    clearTimeout(this.stallTimer);
    this.unhear.splice(0).forEach((stop) => stop());
    this.source?.detach();
    this.source = null;
  }

  read(): Reading {
    const { video } = this;
    const { start, end } = this.range();
    return {
      phase: this.phase,
      trouble: this.trouble,
      paused: video.paused,
      ended: video.ended,
      stalled: this.stalled,
      at: video.currentTime,
      start,
      end,
      buffered: this.ahead(),
      behind: this.source?.behind() ?? null,
      rate: video.playbackRate,
      sound: this.blocked ? 'blocked' : video.muted || video.volume === 0 ? 'muted' : 'on',
      volume: video.volume,
    };
  }

  async play(): Promise<void> {
    const { video } = this;
    if ((this.source?.behind() ?? 0) > LIVE_WITHIN_S) this.source?.seek(video.currentTime);
    try {
      await video.play();
    } catch (error) {
      if ((error as DOMException).name !== 'NotAllowedError' || video.muted) return; // AbortError: another order came
      this.blocked = video.muted = true;
      await video.play().catch((again: unknown) => console.warn('picture does not start', again));
      this.changed();
    }
  }

  pause(): void {
    this.video.pause();
  }

  /** Goes on as before; whoever goes back from the end wants to see it again. */
  seek(seconds: number): void {
    const over = this.video.ended;
    this.source?.seek(seconds);
    if (over) void this.play();
    this.changed();
  }

  toLive(): void {
    this.video.playbackRate = 1;
    this.source?.toLive();
    this.changed();
  }

  setRate(rate: number): void {
    this.video.playbackRate = rate;
  }

  setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.setMuted(this.video.volume === 0);
  }

  setMuted(muted: boolean): void {
    this.blocked = false;
    this.video.muted = muted;
    if (!muted && this.video.volume === 0) this.video.volume = 0.5;
    this.changed();
  }

  /** Nothing is behind who has caught up: the speed goes back to 1. Called with every reading. */
  slowDown(reading: Reading): void {
    if (reading.behind !== null && reading.rate > 1.1 && reading.behind < LIVE_WITHIN_S / 2) this.setRate(1);
  }

  private range(): { start: number; end: number } {
    const range = this.source?.range() ?? { start: 0, end: 0 };
    if (range.end > range.start || this.programme.durationS === null) return range;
    return { start: 0, end: this.programme.durationS };
  }

  /** The stretch that is loaded around the place that plays. */
  private ahead(): { start: number; end: number } | null {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      const [start, end] = [buffered.start(i), buffered.end(i)];
      if (start <= currentTime + 0.5 && end >= currentTime) return { start, end };
    }
    return null;
  }

  private hear(event: HlsEvent): void {
    if (event.type === 'refused') this.become('failed', troubleOf(event.status));
    else if (event.type === 'gone') this.become('failed', 'gone');
    else if (event.type === 'failed') void this.diagnose();
    else this.changed(); // playing, stalled and ended are the element's own events
  }

  /** A player says only that it failed; what the server answers to the playlist says more. */
  private async diagnose(): Promise<void> {
    const [{ source, video }, { url, token }] = [this, this.programme];
    this.become('failed', video.error === null ? 'network' : 'media');
    const headers = { Authorization: `Bearer ${token()}` };
    const answer = await fetch(url, { headers, credentials: 'same-origin' }).catch(() => null);
    if (source !== this.source || this.phase !== 'failed' || answer === null) return;
    if (answer.ok) this.become('failed', 'media');
    else this.become('failed', troubleOf(answer.status));
  }

  private become(phase: Phase, trouble: Trouble | null): void {
    if (phase !== 'loading') this.flow();
    [this.phase, this.trouble] = [phase, trouble];
    this.changed();
  }

  private stall(): void {
    if (this.stallTimer !== 0) return;
    this.stallTimer = window.setTimeout(() => {
      this.stalled = this.phase === 'ready' && !this.video.ended;
      this.changed();
    }, STALL_MS);
  }

  private flow(): void {
    clearTimeout(this.stallTimer);
    this.stallTimer = 0;
    this.stalled = false;
    this.changed();
  }

  private on(name: string, handle: () => void): void {
    this.video.addEventListener(name, handle);
    this.unhear.push(() => this.video.removeEventListener(name, handle));
  }
}
