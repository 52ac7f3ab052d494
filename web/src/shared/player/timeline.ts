import type { Locale } from '../i18n/core';
import { chapterAt, chapterName } from './chapters';
import { attribute, element } from './dom';
import type { Reading } from './playback';
import { Preview } from './preview';
import { position, span } from './time';
import type { Chapter } from './types';
import type { Thumb } from './vtt';
import type { Say } from './words';

/**
 * The slider: what has been seen, what is loaded, where the chapters begin. Pointing at it shows what is there; dragging moves a
 * copy of the place, and only letting go seeks, so that a drag does not ask for a hundred pieces.
 */
export interface TimelineOptions {
  locale: Locale;
  say: Say;
  chapters: readonly Chapter[];
  seek(seconds: number): void;
}

const percent = (share: number): string => `${(Math.min(1, Math.max(0, share)) * 100).toFixed(3)}%`;

export class Timeline {
  readonly root: HTMLElement;
  /** The place that is dragged to, or null. */
  held: number | null = null;
  private readonly loaded = element('div', { class: 'jtp-loaded' });
  private readonly seen = element('div', { class: 'jtp-seen' });
  private readonly knob = element('div', { class: 'jtp-knob' });
  private readonly track = element('div', { class: 'jtp-track' }, this.loaded, this.seen);
  private readonly marks: HTMLElement[];
  private readonly preview: Preview;
  private last: Pick<Reading, 'at' | 'start' | 'end' | 'buffered' | 'behind'> = { at: 0, start: 0, end: 0, buffered: null, behind: null };

  constructor(private readonly options: TimelineOptions) {
    const { say, chapters } = options;
    this.preview = new Preview();
    this.marks = chapters.slice(1).map(() => element('div', { class: 'jtp-mark', 'data-testid': 'player-mark' }));
    this.root = element(
      'div',
      { class: 'jtp-timeline', role: 'slider', tabindex: '0', 'aria-label': say('timeline'), 'data-testid': 'player-timeline' },
      this.track,
      ...this.marks,
      this.knob,
      this.preview.root,
    );
    this.root.setAttribute('aria-valuemin', '0');
    this.listen();
  }

  show(thumbs: readonly Thumb[]): void {
    this.preview.thumbs = thumbs;
  }

  update(reading: Timeline['last']): void {
    this.last = reading;
    const at = this.held ?? reading.at;
    this.place(this.loaded, reading.buffered?.start ?? at, reading.buffered?.end ?? at);
    this.place(this.seen, reading.start, at);
    this.knob.style.left = percent(this.share(at));
    this.marks.forEach((mark, i) => {
      const start = this.options.chapters[i + 1]?.start_s ?? 0;
      mark.style.left = percent(this.share(start));
      mark.hidden = start <= reading.start || start >= reading.end;
    });
    this.tell(at);
  }

  /** The name of the chapter at a moment; empty when there is but one. */
  chapter(at: number): string {
    const { chapters, locale, say } = this.options;
    const index = chapters.length > 1 ? chapterAt(chapters, at) : -1;
    return index < 0 ? '' : chapterName(index, locale, say);
  }

  private tell(at: number): void {
    const { say, locale } = this.options;
    const { start, end, behind } = this.last;
    attribute(this.root, 'aria-valuemin', String(Math.floor(start)));
    attribute(this.root, 'aria-valuemax', String(Math.floor(Math.max(start, end))));
    attribute(this.root, 'aria-valuenow', String(Math.floor(Math.min(Math.max(at, start), Math.max(start, end)))));
    const text =
      behind === null
        ? say('timeline.value', { at: span(at, locale), total: span(end, locale) })
        : say('timeline.behind', { at: span(at, locale), behind: span(behind, locale) });
    attribute(this.root, 'aria-valuetext', text);
  }

  private place(bar: HTMLElement, from: number, to: number): void {
    const left = this.share(from);
    bar.style.left = percent(left);
    bar.style.width = percent(this.share(to) - left);
  }

  private share(at: number): number {
    const { start, end } = this.last;
    return end > start ? (at - start) / (end - start) : 0;
  }

  private under(event: PointerEvent): number {
    const box = this.track.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    return this.last.start + share * (this.last.end - this.last.start);
  }

  private listen(): void {
    const { root } = this;
    root.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      root.setPointerCapture(event.pointerId);
      this.drag(event);
    });
    root.addEventListener('pointermove', (event) => {
      if (this.held !== null) this.drag(event);
      else if (event.pointerType === 'mouse') this.point(event);
    });
    root.addEventListener('pointerup', () => this.let(true));
    root.addEventListener('pointercancel', () => this.let(false));
    root.addEventListener('pointerleave', () => {
      if (this.held === null) this.preview.hide();
    });
  }

  private point(event: PointerEvent): void {
    const at = this.under(event);
    const box = this.root.getBoundingClientRect();
    this.preview.at(at, event.clientX - box.left, box.width, position(at), this.chapter(at));
  }

  private drag(event: PointerEvent): void {
    this.held = this.under(event);
    this.point(event);
    this.update(this.last);
  }

  private let(seek: boolean): void {
    const { held } = this;
    if (held === null) return;
    this.held = null;
    this.preview.hide();
    if (seek) this.options.seek(held);
    else this.update(this.last);
  }
}
