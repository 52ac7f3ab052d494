import { Bar, type Orders } from './bar';
import { ResumeCard, TroubleCard } from './cards';
import { inOrder } from './chapters';
import { allowed, played, rateAllowed, type Course } from './course';
import { attribute, element, icon, iconButton, redraw, relabel, write } from './dom';
import { FULL_EVENTS, isFull, toggleFull } from './fullscreen';
import { Idle } from './idle';
import { actionOf, type Action } from './keys';
import { Playback, type Reading } from './playback';
import './player.css';
import { keepPlace, placeOf } from './resume';
import { Timeline } from './timeline';
import type { PlayerOptions } from './types';
import { parseThumbs } from './vtt';
import { speaker, type Say } from './words';

export type { Chapter, PlayerOptions, Programme } from './types';

/**
 * The player of recordings and of the live rewind, without a framework: one code for both, in the console and on class screens.
 *
 * 1. What is shown is a pure picture of `Playback.read()`, drawn at every event of the video and twice a second.
 * 2. `destroy` leaves nothing behind: no listener, no timer, no picture, no connection.
 * 3. Whoever asks for less motion gets none; whoever uses the keyboard reaches everything.
 */
const TICK_MS = 500;
const IDLE_MS = 3_000;
const IDLE_BIG_MS = 6_000;
const KEEP_EVERY_MS = 5_000;
/** How long it says why a jump went no farther. */
const HELD_MS = 4_000;

export class Player {
  private readonly say: Say;
  private readonly frame: HTMLElement;
  private readonly playback: Playback;
  private readonly timeline: Timeline;
  private readonly bar: Bar;
  private readonly centre: HTMLButtonElement;
  private readonly unblock: HTMLButtonElement;
  private readonly made = element('p', { class: 'jtp-made', 'data-testid': 'player-made-up' });
  private readonly status = element('div', { class: 'jtp-status', role: 'status', 'data-testid': 'player-status' });
  private readonly resume: ResumeCard;
  private readonly trouble: TroubleCard;
  private readonly idle: Idle;
  private readonly unhear: (() => void)[] = [];
  private ticker = 0;
  private keptAt = 0;
  private asking = false;
  private goneTold = false;
  private destroyed = false;
  private course: Course | null;
  private heldUntil = 0;

  constructor(private readonly options: PlayerOptions) {
    this.course = options.course ?? null;
    const { programme, locale } = options;
    const chapters = inOrder(programme.chapters);
    const say = (this.say = speaker(locale));
    const video = element('video', { class: 'jtp-video', playsinline: '', preload: 'auto', tabindex: '-1', 'data-testid': 'player-video' });
    if (programme.posterUrl !== null) video.poster = programme.posterUrl;
    this.playback = new Playback(video, programme, () => this.draw());
    this.timeline = new Timeline({ locale, say, chapters, seek: (to) => this.seek(to) });
    this.bar = new Bar({ locale, say, chapters, timeline: this.timeline, orders: this.orders() });
    this.resume = new ResumeCard(say);
    this.trouble = new TroubleCard(say, () => void this.retry());
    this.centre = iconButton('play', say('play'), 'player-centre', () => void this.playback.play());
    this.centre.classList.add('jtp-centre');
    this.unblock = this.soundBar();
    this.frame = this.build(video);
    this.idle = new Idle({ frame: this.frame, afterMs: options.big === true ? IDLE_BIG_MS : IDLE_MS, needed: () => this.needed() });
    this.listen(video);
  }

  /** Shows the player and begins, where the options say or where the person stopped last time. */
  async start(): Promise<void> {
    const { root, programme, startAt } = this.options;
    root.appendChild(this.frame);
    this.ticker = window.setInterval(() => this.draw(), TICK_MS);
    this.idle.wake();
    void this.loadThumbs();
    const fresh = programme.live || startAt !== undefined || this.course !== null;
    const place = fresh ? null : placeOf(programme.id, programme.durationS);
    if (place !== null) this.ask(place);
    await this.playback.open(startAt ?? place ?? (programme.live ? 'live' : 0));
    if (place === null && !this.destroyed) await this.playback.play();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.remember(true);
    this.destroyed = true;
    clearInterval(this.ticker);
    this.idle.stop();
    this.unhear.splice(0).forEach((stop) => stop());
    this.playback.close();
    this.frame.remove();
  }

  /** To a moment of the recording, in seconds; it goes on playing if it did. */
  seek(seconds: number): void {
    this.answered();
    const to = allowed(this.course, seconds);
    if (to < seconds) this.heldUntil = performance.now() + HELD_MS;
    this.playback.seek(to);
  }

  /** Changes the course in which the recording is to be seen. */
  keep(change: (before: Course) => Course): void {
    if (this.course === null || this.destroyed) return;
    this.course = change(this.course);
    this.draw();
  }

  /** Where it is, in seconds. */
  get at(): number {
    return this.playback.video.currentTime;
  }

  focus(): void {
    this.frame.focus({ preventScroll: true });
  }

  private build(video: HTMLVideoElement): HTMLElement {
    const { programme, big, onClose } = this.options;
    const frame = element(
      'div',
      { class: `jtp${big === true ? ' jtp-big' : ''}`, role: 'region', tabindex: '-1', 'data-testid': 'player' },
      video,
      element('div', { class: 'jtp-skeleton', 'aria-hidden': 'true' }),
      element('div', { class: 'jtp-ring', 'aria-hidden': 'true' }),
      this.status,
      this.made,
      this.centre,
      this.unblock,
      this.resume.root,
      this.trouble.root,
      this.bar.root,
    );
    frame.setAttribute('aria-label', this.say('player', { title: programme.title }));
    if (onClose !== undefined) {
      const close = iconButton('close', this.say('close'), 'player-close', () => onClose());
      frame.appendChild(element('div', { class: 'jtp-head' }, element('p', { class: 'jtp-title' }, programme.title), close));
    }
    return frame;
  }

  private soundBar(): HTMLButtonElement {
    const made = element('button', { type: 'button', class: 'jtp-unblock', 'data-testid': 'player-unblock' }, icon('silent'), this.say('sound.blocked'));
    made.addEventListener('click', () => this.playback.setMuted(false));
    made.hidden = true;
    return made;
  }

  private orders(): Orders {
    return {
      toggle: () => this.toggle(),
      skip: (by) => this.seek(this.at + by),
      seek: (to) => this.seek(to),
      rate: (rate) => this.playback.setRate(rate),
      mayRate: (rate) => rateAllowed(this.course, rate),
      mute: () => this.playback.setMuted(this.playback.read().sound === 'on'),
      volume: (volume) => this.playback.setVolume(volume),
      live: () => this.toLive(),
      full: () => void toggleFull(this.frame),
    };
  }

  private toggle(): void {
    if (this.asking) this.answered();
    else if (this.playback.video.paused) void this.playback.play();
    else this.playback.pause();
  }

  private toLive(): void {
    if (this.options.onLive !== undefined) {
      this.options.onLive();
      return;
    }
    this.playback.toLive();
    void this.playback.play();
  }

  private act(action: Action): void {
    const { start, end, volume, behind } = this.playback.read();
    if (action.kind === 'toggle') this.toggle();
    else if (action.kind === 'mute') this.orders().mute();
    else if (action.kind === 'full') void toggleFull(this.frame);
    else if (action.kind === 'skip') this.seek(this.at + action.by);
    else if (action.kind === 'volume') this.playback.setVolume(volume + action.by);
    else if (action.share === 1 && behind !== null) this.toLive();
    else this.seek(start + action.share * (end - start));
  }

  private ask(place: number): void {
    this.asking = true;
    this.resume.ask(place, () => this.answered(), () => this.seek(0));
  }

  /** Whatever somebody does first answers the question; the picture begins. */
  private answered(): void {
    if (!this.asking) return;
    this.asking = false;
    this.resume.hide();
    this.focus();
    void this.playback.play();
  }

  private async retry(): Promise<void> {
    const { programme, renew } = this.options;
    const at = this.at;
    await renew?.().catch((error: unknown) => console.warn('no new permission to watch', error));
    this.goneTold = false;
    if (this.destroyed) return;
    await this.playback.open(at > 0 ? at : programme.live ? 'live' : 0);
    await this.playback.play();
  }

  private async loadThumbs(): Promise<void> {
    const { thumbsUrl } = this.options.programme;
    if (thumbsUrl === null) return;
    const address = new URL(thumbsUrl, document.baseURI);
    try {
      const answer = await fetch(address.href, { credentials: 'same-origin' });
      if (answer.ok) this.timeline.show(parseThumbs(await answer.text(), address.href));
    } catch (error) {
      console.warn('no preview pictures', error); // the timeline works without
    }
  }

  private listen(video: HTMLVideoElement): void {
    const { frame } = this;
    for (const name of FULL_EVENTS) this.on(document, name, () => this.draw());
    this.on(window, 'pagehide', () => this.remember(true));
    this.on(video, 'pause', () => this.remember(true));
    this.on(video, 'timeupdate', () => this.remember(false));
    this.on(video, 'click', () => this.idle.onlyRoused || this.toggle());
    this.on(video, 'dblclick', () => void toggleFull(frame));
    frame.addEventListener('keydown', (event) => this.press(event));
  }

  private on(target: EventTarget, name: string, handle: () => void): void {
    target.addEventListener(name, handle);
    this.unhear.push(() => target.removeEventListener(name, handle));
  }

  private press(event: KeyboardEvent): void {
    const action = actionOf(event);
    // a button that has the focus is pressed by the space bar itself
    if (action === null || (event.key === ' ' && (event.target as Element).tagName === 'BUTTON')) return;
    event.preventDefault();
    this.act(action);
  }

  /** The buttons stay while the picture stands, and while somebody uses them. */
  private needed(): boolean {
    const { paused, phase } = this.playback.read();
    return paused || phase !== 'ready' || this.bar.busy;
  }

  private remember(now: boolean): void {
    const { programme } = this.options;
    const { phase, at, end } = this.playback.read();
    if (programme.live || phase !== 'ready' || this.asking || this.destroyed) return;
    if (!now && performance.now() - this.keptAt < KEEP_EVERY_MS) return;
    this.keptAt = performance.now();
    keepPlace(programme.id, at, end);
  }

  private draw(): void {
    if (this.destroyed) return;
    const reading = this.playback.read();
    this.playback.slowDown(reading);
    attribute(this.frame, 'data-phase', reading.phase);
    attribute(this.frame, 'data-stalled', String(reading.stalled));
    attribute(this.frame, 'data-sound', reading.sound);
    this.bar.update(reading, isFull(this.frame));
    this.trouble.show(reading.phase === 'failed' ? reading.trouble : null);
    this.unblock.hidden = reading.sound !== 'blocked' || reading.phase === 'failed';
    this.drawCentre(reading);
    this.drawCourse(reading);
    const busy = reading.phase === 'loading' ? 'loading' : reading.stalled ? 'stalled' : null;
    write(this.status, busy === null ? '' : this.say(busy));
    if (reading.trouble === 'gone' && !this.goneTold) {
      this.goneTold = true;
      this.options.onGone?.();
    }
  }

  private drawCourse(reading: Reading): void {
    if (this.course === null) {
      this.made.hidden = true;
      return;
    }
    if (reading.phase === 'ready' && !reading.paused) this.course = played(this.course, reading.at);
    const { seen, needed, done } = this.course;
    const word = done ? 'made.done' : performance.now() < this.heldUntil ? 'made.held' : 'made.progress';
    attribute(this.made, 'data-done', String(done));
    write(this.made, this.say(word, { seen, needed }));
  }

  private drawCentre(reading: Reading): void {
    this.centre.hidden = reading.phase !== 'ready' || !reading.paused || this.asking || reading.stalled;
    redraw(this.centre.firstElementChild as SVGSVGElement, reading.ended ? 'replay' : 'play');
    relabel(this.centre, this.say(reading.ended ? 'replay' : 'play'));
  }
}
