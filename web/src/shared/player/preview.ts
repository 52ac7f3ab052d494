import { element, write } from './dom';
import { thumbAt, type Thumb } from './vtt';

/** The bubble over the timeline: a small picture of that moment, its time and its chapter. */
export class Preview {
  readonly root: HTMLElement;
  thumbs: readonly Thumb[] = [];
  private readonly picture = element('div', { class: 'jtp-picture', 'data-testid': 'player-picture' });
  private readonly time = element('b');
  private readonly name = element('span');

  constructor() {
    const text = element('div', { class: 'jtp-preview-text' }, this.time, this.name);
    this.root = element('div', { class: 'jtp-preview', 'aria-hidden': 'true', 'data-testid': 'player-preview' }, this.picture, text);
    this.hide();
  }

  /** Shows the moment `seconds` at `x` of a timeline `width` wide, in CSS pixels; the bubble never sticks out. */
  at(seconds: number, x: number, width: number, time: string, name: string): void {
    this.paint(thumbAt(this.thumbs, seconds));
    write(this.time, time);
    write(this.name, name);
    this.root.hidden = false;
    const half = this.root.offsetWidth / 2;
    this.root.style.left = `${String(Math.round(Math.max(half, Math.min(width - half, x))))}px`;
  }

  hide(): void {
    this.root.hidden = true;
  }

  private paint(thumb: Thumb | null): void {
    const { style } = this.picture;
    this.picture.hidden = thumb === null;
    if (thumb === null) return;
    style.width = `${String(thumb.width)}px`;
    style.height = `${String(thumb.height)}px`;
    style.backgroundImage = `url(${JSON.stringify(thumb.url)})`;
    style.backgroundPosition = `-${String(thumb.x)}px -${String(thumb.y)}px`;
  }
}
