import type { Locale } from '../i18n/core';
import { chapterAt, chapterName } from './chapters';
import { attribute, element, icon, iconButton, redraw, relabel, write, type Icon } from './dom';
import { Menu } from './menu';
import { LIVE_WITHIN_S, type Reading } from './playback';
import { position, span } from './time';
import type { Timeline } from './timeline';
import type { Chapter } from './types';
import type { Say } from './words';

/** The row of buttons under the timeline. It keeps no state: it shows a `Reading` and hands orders on. */
export interface BarOptions {
  locale: Locale;
  say: Say;
  chapters: readonly Chapter[];
  timeline: Timeline;
  orders: Orders;
}

export interface Orders {
  toggle(): void;
  skip(by: number): void;
  seek(to: number): void;
  rate(rate: number): void;
  /** Whether this speed may be chosen. */
  mayRate(rate: number): boolean;
  mute(): void;
  volume(volume: number): void;
  live(): void;
  full(): void;
}

export const RATES = [0.75, 1, 1.25, 1.5, 2] as const;
const times = (rate: number): string => `${String(rate)}×`;

export class Bar {
  readonly root: HTMLElement;
  private readonly play: HTMLButtonElement;
  private readonly sound: HTMLButtonElement;
  private readonly full: HTMLButtonElement;
  private readonly slider: HTMLInputElement;
  private readonly time = element('span', { class: 'jtp-time', 'data-testid': 'player-time' });
  private readonly chapter = element('span', { class: 'jtp-chapter', 'data-testid': 'player-chapter' });
  private readonly lag = element('span', { class: 'jtp-lag', 'data-testid': 'player-behind' });
  private readonly live: HTMLButtonElement;
  private readonly speed: Menu;
  private readonly chapters: Menu;
  private readonly speedButton: HTMLButtonElement;
  private reading: Reading | null = null;

  constructor(private readonly options: BarOptions) {
    const { say, orders, timeline } = options;
    this.play = iconButton('play', say('play'), 'player-play', orders.toggle);
    this.sound = iconButton('loud', say('mute'), 'player-mute', orders.mute);
    this.full = iconButton('full', say('full.enter'), 'player-full', orders.full);
    this.slider = this.volumeSlider();
    this.live = this.liveButton();
    this.speedButton = element('button', { type: 'button', class: 'jtp-button jtp-text', 'data-testid': 'player-speed' }, '1×');
    this.speed = this.speedMenu();
    this.chapters = this.chapterMenu();
    const row = element(
      'div',
      { class: 'jtp-row' },
      this.play,
      iconButton('back', say('back'), 'player-back', () => orders.skip(-10)),
      iconButton('forward', say('forward'), 'player-forward', () => orders.skip(10)),
      this.time,
      this.chapter,
      element('span', { class: 'jtp-space' }),
      this.lag,
      this.live,
      this.chapters.root,
      this.speed.root,
      this.sound,
      this.slider,
      this.full,
    );
    this.root = element('div', { class: 'jtp-bar', 'data-testid': 'player-bar' }, timeline.root, row);
  }

  get busy(): boolean {
    return this.speed.open || this.chapters.open || this.options.timeline.held !== null;
  }

  update(reading: Reading, full: boolean): void {
    this.reading = reading;
    const { say, timeline } = this.options;
    const at = timeline.held ?? reading.at;
    timeline.update(reading);
    this.face(this.play, ...this.playFace(reading));
    this.face(this.sound, reading.sound === 'on' ? 'loud' : 'silent', say(reading.sound === 'on' ? 'mute' : 'unmute'));
    this.face(this.full, full ? 'small' : 'full', say(full ? 'full.leave' : 'full.enter'));
    const share = reading.sound === 'on' ? String(Math.round(reading.volume * 100)) : '0';
    if (this.slider.value !== share) this.slider.value = share;
    write(this.time, reading.behind === null ? `${position(at)} / ${position(reading.end)}` : position(at));
    write(this.chapter, timeline.chapter(at));
    write(this.speedButton, times(RATES.some((rate) => rate === reading.rate) ? reading.rate : 1)); // catching up is not a choice
    relabel(this.speedButton, `${say('speed')} ${this.speedButton.textContent ?? ''}`);
    this.showLive(reading.behind);
  }

  private showLive(behind: number | null): void {
    const { say, locale } = this.options;
    const late = behind !== null && behind > LIVE_WITHIN_S;
    this.live.hidden = behind === null;
    this.lag.hidden = !late;
    write(this.lag, late ? say('live.behind', { behind: span(behind, locale) }) : '');
    attribute(this.live, 'data-late', String(late));
    write(this.live.lastElementChild as Element, say(late ? 'live.return' : 'live.now'));
    this.live.disabled = !late;
  }

  private playFace(reading: Reading): [Icon, string] {
    const { say } = this.options;
    if (reading.ended) return ['replay', say('replay')];
    return reading.paused ? ['play', say('play')] : ['pause', say('pause')];
  }

  private face(button: HTMLButtonElement, name: Icon, label: string): void {
    redraw(button.firstElementChild as SVGSVGElement, name);
    relabel(button, label);
  }

  private liveButton(): HTMLButtonElement {
    const dot = element('span', { class: 'jtp-dot', 'aria-hidden': 'true' });
    const button = element('button', { type: 'button', class: 'jtp-button jtp-text jtp-live', 'data-testid': 'player-live' }, dot, element('span'));
    button.addEventListener('click', this.options.orders.live);
    return button;
  }

  private volumeSlider(): HTMLInputElement {
    const { say, orders } = this.options;
    const attributes = { type: 'range', min: '0', max: '100', step: '5', class: 'jtp-volume', 'data-testid': 'player-volume' };
    const slider = element('input', { ...attributes, 'aria-label': say('volume') });
    slider.addEventListener('input', () => orders.volume(Number(slider.value) / 100));
    slider.addEventListener('keydown', (event) => {
      if (/^(Arrow|Home|End|Page)/.test(event.key)) event.stopPropagation(); // these move the slider itself
    });
    return slider;
  }

  private speedMenu(): Menu {
    const { say, orders } = this.options;
    const rates = RATES.filter((rate) => orders.mayRate(rate));
    return new Menu({
      button: this.speedButton,
      label: say('speed'),
      testid: 'player-speeds',
      items: rates.map(times),
      chosen: () => rates.findIndex((rate) => rate === this.reading?.rate),
      choose: (i) => orders.rate(rates[i] ?? 1),
    });
  }

  private chapterMenu(): Menu {
    const { say, orders, chapters, locale } = this.options;
    const button = element('button', { type: 'button', class: 'jtp-button', 'data-testid': 'player-chapters' }, icon('list'));
    relabel(button, say('chapters'));
    const menu = new Menu({
      button,
      label: say('chapters'),
      testid: 'player-chapter-list',
      items: chapters.map((chapter, i) => `${position(chapter.start_s)}  ${chapterName(i, locale, say)}`),
      chosen: () => chapterAt(chapters, this.reading?.at ?? 0),
      choose: (i) => orders.seek(chapters[i]?.start_s ?? 0),
    });
    menu.root.hidden = chapters.length < 2;
    return menu;
  }
}
