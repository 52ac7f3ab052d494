import { api } from '../shared/api';
import type { Locale } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import { serverNow, type ServerClock } from './clock';
import type { ErrorCode } from './codes';
import type { Identity } from './identity';
import { enterFullScreen, stayAwake } from './kiosk';
import { Line } from './line';
import { step } from './machine';
import { START, type Model, type Order, type ScreenEvent } from './model';
import { Peer } from './peer';
import { mark, Screen } from './screen';
import { chime, Sound } from './sound';
import { cornerClock, project } from './view';

/** The shell: events in, one step of the machine, orders out, one timer, one rendering. */

const REPORT_MS = 10_000;
const TICK_MS = 500;
const FAREWELL = new Set(['cut', 'ended', 'unscheduled', 'error', 'waiting', 'paused']);

/** What a failed question means: a code that needs a person, or a reason to try again. */
function failure(error: unknown): ScreenEvent {
  if (!(error instanceof Problem)) throw error;
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
  private readonly line: Line;

  constructor(
    root: HTMLElement,
    locale: Locale,
    private identity: () => Identity | ErrorCode,
  ) {
    const tell = (event: ScreenEvent): void => this.dispatch(event);
    this.screen = new Screen(root, locale);
    this.sound = new Sound(this.screen.video, () => this.render());
    this.peer = new Peer({ tell, show: (stream) => this.show(stream) });
    this.line = new Line({ tell });
  }

  start(): void {
    this.hearPeople();
    this.hearBrowser();
    this.hearFrames();
    window.setInterval(() => this.render(), TICK_MS);
    window.setInterval(() => this.report(), REPORT_MS);
    this.dispatch({ type: 'touch' });
  }

  dispatch(event: ScreenEvent): void {
    const before = this.model.phase;
    const { model, orders } = step(this.model, event, { now: performance.now(), random: Math.random() });
    this.model = model;
    if (before === 'live' && model.phase === 'reconnecting') this.screen.freeze();
    if (FAREWELL.has(model.phase)) this.screen.wipe();
    for (const order of orders) this.obey(order);
    this.arm();
    this.render();
  }

  private obey(order: Order): void {
    if (order.do === 'ask') void this.ask();
    else if (order.do === 'dial') void this.peer.dial(order.url, order.token);
    else if (order.do === 'listen') this.line.listen(order.lecture, order.token);
    else if (order.do === 'reattach') this.peer.reattach();
    else this.leave();
  }

  private leave(): void {
    this.peer.hangUp();
    if (FAREWELL.has(this.model.phase)) this.screen.detach();
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.model.askAt === null) return;
    const wait = Math.max(0, this.model.askAt - performance.now());
    this.timer = window.setTimeout(() => this.dispatch({ type: 'due' }), wait);
  }

  private async ask(): Promise<void> {
    const who = this.identity();
    if (typeof who === 'string') {
      this.dispatch({ type: 'refused', code: who });
      return;
    }
    let event: ScreenEvent;
    try {
      const watch = await api.watch(who.screenId, who.token);
      this.clock = { serverMs: Date.parse(watch.server_time), atMs: performance.now() };
      event = { type: 'told', watch };
    } catch (error) {
      event = failure(error);
    }
    this.dispatch(event);
  }

  private show(stream: MediaStream): void {
    this.screen.attach(stream);
    void this.sound.play();
  }

  private render(): void {
    const now = this.clock === null ? null : serverNow(this.clock, performance.now());
    mark('entered', String(this.entered));
    mark('sound', this.sound.state);
    const seat = this.model.watch?.screen;
    this.screen.place({ school: seat?.school ?? '', class: seat?.class ?? '', time: cornerClock(now) });
    this.screen.sound(this.sound.state === 'on');
    this.screen.render(project(this.model, { entered: this.entered, sound: this.sound.state, now }));
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

  private hearBrowser(): void {
    const nudge = (): void => {
      if (document.visibilityState === 'visible') this.dispatch({ type: 'nudge' });
    };
    window.addEventListener('online', nudge);
    document.addEventListener('visibilitychange', nudge);
    window.addEventListener('hashchange', () => this.dispatch({ type: 'touch' }));
    window.addEventListener('pagehide', () => this.peer.hangUp());
    window.addEventListener('pageshow', (event) => {
      if (event.persisted) this.dispatch({ type: 'closed' });
    });
  }

  /** The first frame is told at once; after that the counters are read once a second. */
  private hearFrames(): void {
    const { video } = this.screen;
    const moved = (): void => {
      if (this.model.phase !== 'live' && video.videoWidth > 0) this.dispatch({ type: 'picture' });
    };
    if (typeof video.requestVideoFrameCallback !== 'function') {
      video.addEventListener('timeupdate', moved);
      return;
    }
    const onFrame = (): void => {
      moved();
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }

  private report(): void {
    this.line.report({
      playing: this.model.phase === 'live',
      sound: this.sound.state,
      visible: document.visibilityState === 'visible',
      frames: this.peer.frames,
      freezes: this.peer.freezes,
      path: 'webrtc',
    });
  }
}
