import { fill, type Locale } from '../shared/i18n/core';
import { drawing, element, write } from './dom';
import { isFullScreen } from './kiosk';
import { CORNERS, DETOUR, FILM, FROM_START, PEOPLE, SHAPES, SPEAKER_OFF, SPEAKER_ON } from './shapes';
import type { Line, Shape, Slate, View } from './view';
import { WORDS, type Word } from './words';

/** The document: built once, then only told what to show. Knows nothing of lectures or connections. */

const PATIENCE_MS = 700;
const BAR_MS = 4000;

export interface Where {
  readonly school: string;
  readonly class: string;
  readonly time: string;
}

/** Says something about the page to style sheets and to those who watch from outside; only changes are written. */
export function mark(name: string, value: string): void {
  const { dataset } = document.documentElement;
  if (dataset[name] !== value) dataset[name] = value;
}

export class Screen {
  readonly video = element('video', { id: 'video', 'data-testid': 'video', playsinline: '', autoplay: '' });
  /** The backup line's picture lies over that of WebRTC, so that the next one can begin behind it. */
  readonly backup = element('video', { id: 'backup', 'data-testid': 'backup', playsinline: '' });
  readonly theatre = element('section', { id: 'theatre', 'data-testid': 'theatre' });
  readonly enter = element('button', { id: 'enter', 'data-testid': 'enter', type: 'button' });
  readonly again = element('button', { id: 'again', 'data-testid': 'again', type: 'button' });
  readonly soundBar = element('button', { id: 'sound-bar', 'data-testid': 'sound-bar', type: 'button' });
  readonly soundButton = element('button', { type: 'button', class: 'bar-button', 'data-testid': 'sound' });
  readonly rewindButton = element('button', { type: 'button', class: 'bar-button', 'data-testid': 'rewind' });
  readonly shelfButton = element('button', { type: 'button', class: 'bar-button', id: 'shelf-open', 'data-testid': 'shelf-open' });
  readonly countButton = element('button', { type: 'button', class: 'bar-button', 'data-testid': 'count-bar' });
  readonly countSlateButton = element('button', { type: 'button', class: 'bar-button', id: 'count-open', 'data-testid': 'count-open' });
  readonly fullButton = element('button', { type: 'button', class: 'bar-button' });

  private readonly still = element('canvas', { id: 'still', 'aria-hidden': 'true' });
  private readonly slate = element('section', { id: 'slate', 'data-testid': 'slate', role: 'status', 'aria-live': 'polite' });
  private readonly bar = element('div', { id: 'bar', 'data-testid': 'bar' });
  private readonly soundWord = element('span', {});
  private readonly badge = element('span', { class: 'badge', role: 'status', 'data-testid': 'path-badge' });
  private readonly places = [element('span', { class: 'place' }), element('span', { class: 'place' })];
  private readonly clocks = [element('span', { class: 'clock' }), element('span', { class: 'clock' })];
  private readonly shape = element('div', { class: 'shape' });
  private readonly overline = element('p', { class: 'overline' });
  private readonly title = element('h1', {});
  private readonly sub = element('span', { class: 'sub' });
  private readonly caption = element('span', { class: 'caption' });
  private readonly digits = element('p', { class: 'digits', role: 'timer', 'aria-live': 'off' });
  private readonly next = element('p', { class: 'next' });
  private readonly code = element('p', { class: 'code', 'data-testid': 'code' });

  private drawn: Shape | null = null;
  private patience = 0;
  private barTimer = 0;

  constructor(
    root: HTMLElement,
    private readonly locale: Locale,
  ) {
    this.fillButtons();
    const [place, barPlace] = this.places as [HTMLElement, HTMLElement];
    const [clock, barClock] = this.clocks as [HTMLElement, HTMLElement];
    const body = element('div', { class: 'body' }, this.shape, this.overline, this.title);
    const meta = element('p', { class: 'meta' }, this.sub, this.caption);
    const touched = [this.enter, this.again, this.countSlateButton, this.shelfButton];
    [meta, this.digits, this.next, this.code, ...touched].forEach((node) => body.appendChild(node));
    this.slate.appendChild(element('header', {}, place, clock));
    this.slate.appendChild(body);
    const { video, backup, still, slate, soundBar, bar, theatre } = this;
    const touchables = [this.badge, this.countButton, this.rewindButton, this.soundButton, this.fullButton];
    [barPlace, barClock, ...touchables].forEach((node) => bar.appendChild(node));
    [video, backup, still, slate, soundBar, bar, theatre].forEach((node) => root.appendChild(node));
    this.soundBar.hidden = this.bar.hidden = this.countButton.hidden = this.countSlateButton.hidden = true;
  }

  word(key: Word): string {
    return WORDS[this.locale][key];
  }

  /** Gives the video its tracks and covers the gap until the first frame with the last one of before. */
  attach(stream: MediaStream): void {
    this.video.srcObject = stream;
  }

  detach(): void {
    this.video.srcObject = null;
  }

  /** Keeps the frame that is shown now, to be dimmed while the picture is away. */
  freeze(): void {
    const video = document.documentElement.dataset['path'] === 'hls' ? this.backup : this.video;
    const { still } = this;
    if (video.videoWidth === 0) {
      this.wipe(); // taken away already: an older frame must not come up in its place
      return;
    }
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    const context = still.getContext('2d');
    if (context !== null) context.drawImage(video, 0, 0);
    still.dataset['kept'] = 'true';
  }

  /** Forgets it: after a cut nothing of the picture may stay. */
  wipe(): void {
    this.still.width = this.still.height = 1;
    delete this.still.dataset['kept'];
  }

  render(view: View): void {
    mark('state', view.state);
    mark('path', view.path);
    this.badge.hidden = view.path !== 'hls';
    this.rewindButton.hidden = !view.rewindable;
    this.soundBar.hidden = view.soundBar === null;
    if (view.soundBar !== null) write(this.soundWord, this.word(view.soundBar));
    const patient = view.slate !== null && view.slate.patient;
    if (patient && this.patience !== 0) return;
    clearTimeout(this.patience);
    this.patience = patient ? window.setTimeout(() => this.cover(view.slate), PATIENCE_MS) : 0;
    if (!patient) this.cover(view.slate);
  }

  place(where: Where): void {
    const text = [where.school, where.class].filter((part) => part !== '').join(' · ');
    this.places.forEach((node) => write(node, text));
    this.clocks.forEach((node) => write(node, where.time));
  }

  /** Shows the bar for four seconds. */
  touchBar(): void {
    this.bar.hidden = false;
    this.fullButton.hidden = isFullScreen();
    clearTimeout(this.barTimer);
    this.barTimer = window.setTimeout(() => (this.bar.hidden = true), BAR_MS);
  }

  /** The head-count is offered: in the bar whenever it can be made, on slates until somebody has made it. */
  offer(counts: boolean, uncounted: boolean): void {
    this.countButton.hidden = !counts;
    this.countSlateButton.hidden = !uncounted;
  }

  sound(on: boolean): void {
    this.soundButton.textContent = '';
    this.soundButton.appendChild(drawing('sound', ...(on ? SPEAKER_ON : SPEAKER_OFF)));
    this.soundButton.appendChild(element('span', {}, this.word(on ? 'bar.sound.on' : 'bar.sound.off')));
    this.soundButton.setAttribute('aria-pressed', String(on));
  }

  private fillButtons(): void {
    this.enter.appendChild(element('span', { class: 'enter-title' }, this.word('enter.title')));
    this.enter.appendChild(element('span', { class: 'enter-hint' }, this.word('enter.hint')));
    this.soundBar.appendChild(drawing('sound', ...SPEAKER_OFF));
    this.soundBar.appendChild(this.soundWord);
    for (const button of [this.countButton, this.countSlateButton]) {
      button.appendChild(drawing('people', ...PEOPLE));
      button.appendChild(element('span', {}, this.word('count.open')));
    }
    this.badge.appendChild(drawing('detour', ...DETOUR));
    this.badge.appendChild(element('span', {}, this.word('bar.backup')));
    this.rewindButton.appendChild(drawing('rewind', ...FROM_START));
    this.rewindButton.appendChild(element('span', {}, this.word('bar.rewind')));
    this.shelfButton.appendChild(drawing('film', ...FILM));
    this.shelfButton.appendChild(element('span', {}, this.word('shelf.open')));
    this.fullButton.appendChild(drawing('full', ...CORNERS));
    this.fullButton.appendChild(element('span', {}, this.word('bar.full')));
    this.sound(true);
  }

  private say(line: Line | { readonly text: string } | null): string {
    if (line === null) return '';
    return 'text' in line ? line.text : fill(this.word(line.word), line.params);
  }

  private cover(slate: Slate | null): void {
    this.slate.hidden = slate === null;
    if (slate === null) return;
    this.draw(slate.shape);
    this.slate.dataset['shape'] = slate.shape;
    this.slate.classList.toggle('sheer', slate.sheer);
    this.slate.classList.toggle('low', slate.button === 'enter');
    write(this.overline, this.say(slate.overline));
    write(this.title, this.say(slate.title));
    write(this.sub, this.say(slate.sub));
    write(this.caption, this.say(slate.caption));
    const digits = this.say(slate.digits);
    write(this.digits, digits);
    this.digits.classList.toggle('words', !/^[\d:]*$/.test(digits));
    write(this.next, this.say(slate.next));
    write(this.code, slate.code === null ? '' : `${this.word('error.code')} ${slate.code}`);
    this.shelfButton.hidden = !slate.replay;
    this.enter.hidden = slate.button !== 'enter';
    this.again.hidden = slate.button === null || slate.button === 'enter';
    if (!this.again.hidden) write(this.again, this.word(slate.button === 'here' ? 'error.here' : 'error.again'));
  }

  private draw(shape: Shape): void {
    if (shape === this.drawn) return;
    this.drawn = shape;
    this.shape.textContent = '';
    this.shape.appendChild(drawing(shape, ...SHAPES[shape]));
  }
}
