import { element, write } from '../classroom/dom';
import { HlsSource, type HlsEvent } from '../shared/hls';
import type { Watch } from './server';

export interface PlayerWords {
  video: string;
  play: string;
  again: string;
}

/**
 * The picture: the telephone's own controls, and one large button before, for nothing plays with sound until it is touched.
 * `onEvent` hears what the owner has to look into: the end, a stop, a refusal, a failure.
 */
export class Player {
  readonly root = element('div', { class: 'stage', hidden: '' });
  private readonly video = element('video', { 'data-testid': 'video', 'playsinline': '', 'webkit-playsinline': '', 'x5-playsinline': '', 'controls': '', 'preload': 'auto' });
  private readonly button = element('button', { 'type': 'button', 'class': 'play', 'data-testid': 'play' });
  private source: HlsSource | null = null;
  private watch: Watch | null = null;
  private wanted = false;
  private broken = false;

  constructor(
    private readonly words: PlayerWords,
    private readonly onEvent: (event: HlsEvent) => void,
  ) {
    this.video.setAttribute('aria-label', words.video);
    this.root.append(this.video, this.button);
    this.button.addEventListener('click', () => this.start());
    this.video.addEventListener('playing', () => (this.button.hidden = true));
  }

  /** Shows what there is to watch; a fresh token of what is shown already changes nothing. */
  show(watch: Watch): void {
    const same = this.watch !== null && this.watch.hls_url === watch.hls_url && this.source !== null;
    this.watch = watch;
    this.root.hidden = false;
    if (same || this.broken) return;
    this.close();
    this.root.hidden = false;
    this.watch = watch;
    this.offer(this.words.play);
    if (this.wanted) this.start();
  }

  /** Nothing of the picture stays. */
  close(): void {
    this.source?.detach();
    this.source = null;
    this.watch = null;
    this.root.hidden = true;
  }

  private offer(text: string): void {
    write(this.button, text);
    this.button.hidden = false;
  }

  private start(): void {
    const { watch } = this;
    if (watch === null) return;
    this.wanted = true;
    this.broken = false;
    const from = this.source === null ? 0 : this.video.currentTime;
    this.source?.detach();
    const source = (this.source = new HlsSource({
      video: this.video,
      url: watch.hls_url,
      token: () => this.watch?.token ?? watch.token,
      start: watch.live ? 'live' : from,
      onEvent: (event) => this.heard(source, event),
    }));
    // The touch is what allows sound: playing is asked for at once, the picture comes when it is there.
    void source.attach().then(() => this.video.play().catch(() => this.offer(this.words.play)));
  }

  private heard(source: HlsSource, event: HlsEvent): void {
    if (source !== this.source) return;
    if (event.type === 'failed') {
      this.broken = true;
      this.offer(this.words.again);
    }
    if (event.type === 'refused') {
      this.source = null; // a fresh token comes with the next visit
      this.offer(this.words.again);
    }
    this.onEvent(event);
  }
}
