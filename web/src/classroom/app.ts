import { api } from '../shared/api';
import { capability } from '../shared/capability';
import type { Locale } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import { Backup } from './backup';
import { serverNow, type ServerClock } from './clock';
import type { ErrorCode } from './codes';
import { hearBrowser, hearFrames } from './ears';
import type { Identity } from './identity';
import { enterFullScreen, stayAwake } from './kiosk';
import { nextTimer } from './ladder';
import { Line } from './line';
import { step } from './machine';
import { START, type Model, type Order, type ScreenEvent } from './model';
import { Peer } from './peer';
import { Presence } from './presence';
import { Replay } from './replay';
import type { Seen } from './reporter';
import { mark, Screen } from './screen';
import { SignCode } from './sign-code';
import { chime, Sound } from './sound';
import { Theatre } from './theatre';
import { cornerClock, project, type View } from './view';

/** The shell: events in, one step of the machine, orders out, one timer, one rendering. */

const REPORT_MS = 10_000;
const LOOK_MS = 1000;
/** Where a class should see a picture. */
const WANTED = new Set(['joining', 'live', 'reconnecting', 'rewinding']);
const TICK_MS = 500;
const FAREWELL = new Set(['cut', 'ended', 'unscheduled', 'error', 'waiting', 'paused', 'rewinding']);

/** What a failed question means: a code that needs a person, or a reason to try again. */
function failure(error: unknown): ScreenEvent {
  if (!(error instanceof Problem)) throw error;
  if (error.code === 'use_dpop_nonce') return { type: 'unreachable', code: 'E-42', retryAfter: error.retryAfter };
  if (error.code === 'proof_needed' || error.code === 'bad_proof') return { type: 'refused', code: 'E-15' };
  if (error.status === 401 || error.status === 403) return { type: 'refused', code: 'E-13' };
  if (error.status === 404) return { type: 'refused', code: 'E-14' };
  return { type: 'unreachable', code: error.status === 0 ? 'E-41' : 'E-42', retryAfter: error.retryAfter };
}

export class App {
  private model: Model = START;
  private clock: ServerClock | null = null;
  private timer = 0;
  private entered = false;
  private readonly screen: Screen;
  private readonly sound: Sound;
  private readonly peer: Peer;
  private readonly backup: Backup;
  private readonly line: Line;
  private readonly theatre: Theatre;
  private readonly replay: Replay;
  private readonly presence: Presence;
  private readonly code: SignCode;

  constructor(
    root: HTMLElement,
    locale: Locale,
    private identity: () => Identity | ErrorCode,
  ) {
    const tell = (event: ScreenEvent): void => this.dispatch(event);
    const screen = (this.screen = new Screen(root, locale));
    const token = (): string => this.token;
    this.sound = new Sound(screen.video, screen.backup, () => this.render());
    this.peer = new Peer({ tell, show: (stream) => this.show(stream) });
    this.backup = new Backup(screen.backup, { tell, token, show: () => void this.sound.play() });
    this.presence = new Presence({ locale, who: () => this.who(), reseat: () => void this.reseat() });
    this.line = new Line({ tell, challenge: (challenge) => this.presence.tell(challenge) });
    this.theatre = new Theatre(screen.theatre, locale);
    this.replay = new Replay({ theatre: this.theatre, locale, identity, covered: (covered) => this.cover(covered) });
    this.code = new SignCode(locale, () => this.who());
    const { replay, presence } = this;
    for (const node of [this.code.root, presence.band.root, replay.page.root, replay.page.notice, presence.page.root]) root.appendChild(node);
  }

  start(): void {
    this.hearPeople();
    const tell = (event: ScreenEvent): void => this.dispatch(event);
    hearBrowser(tell, () => this.away());
    hearFrames(this.screen.video, () => this.model.phase !== 'live', tell);
    window.setInterval(() => this.tick(), TICK_MS);
    window.setInterval(() => this.report(), REPORT_MS);
    window.setInterval(() => this.presence.tick(this.model.phase, this.seen()), LOOK_MS);
    window.setInterval(() => void this.code.tick(performance.now()), LOOK_MS);
    this.dispatch({ type: 'touch' });
  }

  dispatch(event: ScreenEvent): void {
    const before = this.model.phase;
    const { model, orders } = step(this.model, event, { now: performance.now(), random: Math.random() });
    this.model = model;
    if (before === 'live' && model.phase === 'reconnecting') this.screen.freeze();
    if (FAREWELL.has(model.phase)) this.screen.wipe();
    for (const order of orders) this.obey(order);
    this.sound.use(model.path === 'hls' ? this.screen.backup : this.screen.video);
    this.arm();
    if (before !== model.phase) this.replay.follow(model.phase);
    if (before !== 'live' && model.phase === 'live' && model.path === 'hls') this.screen.touchBar();
    this.render();
  }

  private get token(): string {
    return this.model.watch?.token ?? '';
  }

  private obey(order: Order): void {
    if (order.do === 'ask') void this.ask();
    else if (order.do === 'dial') void this.peer.dial(order.url, order.token);
    else if (order.do === 'listen') this.line.listen(order.lecture, order.token);
    else if (order.do === 'reattach') this.peer.reattach();
    else if (order.do === 'fall') this.fall(order.url);
    else if (order.do === 'leave-backup') this.backup.leave();
    else if (order.do === 'rewind') void this.rewind(order.url);
    else if (order.do === 'unwind') this.theatre.close();
    else this.leave();
  }

  private leave(): void {
    this.peer.hangUp();
    if (FAREWELL.has(this.model.phase)) this.screen.detach();
  }

  /** The page goes away: the server frees the place at once. */
  private away(): void {
    this.peer.hangUp();
    this.backup.leave();
  }

  /** The last frame by WebRTC is kept on the still, dimmed; none may lie behind the backup line's picture. */
  private fall(url: string): void {
    this.screen.detach();
    this.backup.run(url);
  }

  private async rewind(url: string): Promise<void> {
    const { lecture_id: lecture, lecture: what } = this.model.watch ?? {};
    const programme = {
      id: `live-${lecture ?? ''}`,
      title: what?.title ?? '',
      url,
      token: () => this.token,
      live: true,
      durationS: null,
      chapters: [],
      thumbsUrl: null,
      posterUrl: null,
    };
    try {
      const onLive = (): void => this.dispatch({ type: 'to-live' });
      const onGone = (): void => this.dispatch({ type: 'unwound' });
      await this.theatre.play({ programme, startAt: 0, renew: () => this.ask(), onLive, onGone });
    } catch (error) {
      console.warn('the player does not load', error);
      this.dispatch({ type: 'to-live' });
    }
  }

  private arm(): void {
    clearTimeout(this.timer);
    const next = nextTimer(this.model);
    if (next === null) return;
    this.timer = window.setTimeout(() => this.dispatch(next.event), Math.max(0, next.at - performance.now()));
  }

  private async ask(): Promise<void> {
    const who = this.identity();
    if (typeof who === 'string') {
      this.dispatch({ type: 'refused', code: who });
      return;
    }
    let event: ScreenEvent;
    try {
      const watch = await api.watch(who, this.clock === null ? { capability: capability() } : undefined);
      this.clock = { serverMs: Date.parse(watch.server_time), atMs: performance.now() };
      this.presence.told(watch);
      this.code.told(watch);
      event = { type: 'told', watch };
    } catch (error) {
      event = failure(error);
    }
    this.dispatch(event);
  }

  private who(): Identity | null {
    const who = this.identity();
    return typeof who === 'string' ? null : who;
  }

  /** The reports have lost their nonce: the server is asked beside what the machine wants, and its state is left alone. */
  private async reseat(): Promise<void> {
    const who = this.who();
    if (who === null) return;
    try {
      this.presence.told(await api.watch(who));
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // it is asked for again
    }
  }

  /** What a class should be looking at now; nothing while a recording of another lecture lies over it. */
  private seen(): Seen | null {
    const { model, screen, sound } = this;
    if (!WANTED.has(model.phase) || this.replay.open) return null;
    if (model.phase !== 'rewinding') {
      const path = model.path;
      return { video: path === 'hls' ? screen.backup : screen.video, sound: sound.state, path };
    }
    const video = screen.theatre.querySelector('video');
    return video === null ? null : { video, sound: video.muted ? 'muted' : 'on', path: 'replay' };
  }

  private show(stream: MediaStream): void {
    const { screen, model } = this;
    screen.attach(stream);
    if (model.path === 'webrtc') void this.sound.play();
    else screen.video.play().catch(() => undefined); // behind the backup line: mute, and superseded when it takes over
  }

  private cover(covered: boolean): void {
    this.sound.hold(covered);
    this.render();
  }

  private render(): void {
    mark('entered', String(this.entered));
    mark('sound', this.sound.state);
    mark('shelf', this.replay.at);
    const seat = this.model.watch?.screen;
    this.screen.place({ school: seat?.school ?? '', class: seat?.class ?? '', time: cornerClock(this.now) });
    this.screen.sound(this.sound.state === 'on');
    this.screen.offer(this.presence.offers, this.presence.uncounted);
    this.screen.render(this.view());
  }

  private get now(): number | null {
    return this.clock === null ? null : serverNow(this.clock, performance.now());
  }

  private view(): View {
    return project(this.model, { entered: this.entered, sound: this.sound.state, now: this.now });
  }

  private tick(): void {
    this.replay.follow(this.model.phase);
    this.render();
  }

  private enter(): void {
    this.entered = true;
    this.sound.unlock();
    enterFullScreen();
    stayAwake();
    this.render();
  }

  private hearPeople(): void {
    const { screen, sound } = this;
    screen.enter.addEventListener('click', () => {
      this.enter();
      chime();
    });
    screen.soundBar.addEventListener('click', () => this.enter());
    screen.rewindButton.addEventListener('click', () => this.dispatch({ type: 'rewind' }));
    screen.shelfButton.addEventListener('click', () => this.replay.enter());
    for (const button of [screen.countButton, screen.countSlateButton]) button.addEventListener('click', () => this.presence.open());
    screen.again.addEventListener('click', () => this.dispatch({ type: 'touch' }));
    screen.fullButton.addEventListener('click', () => enterFullScreen());
    screen.soundButton.addEventListener('click', () => {
      sound.toggle();
      screen.touchBar();
    });
    const touched = (): void => {
      if (sound.state === 'blocked') sound.unlock();
      if (this.model.phase === 'live') screen.touchBar();
    };
    // A touch unlocks sound when it ends, a key when it goes down; `click` comes after both and from a mouse.
    for (const name of ['click', 'keydown']) document.addEventListener(name, touched);
  }

  private report(): void {
    const { path } = this.view();
    const { phase } = this.model;
    this.line.report({
      playing: phase === 'rewinding' || (phase === 'live' && !this.replay.open),
      sound: this.sound.state,
      visible: document.visibilityState === 'visible',
      frames: path === 'hls' ? this.backup.frames : this.peer.frames,
      freezes: this.peer.freezes + this.backup.freezes,
      path,
    });
  }
}
