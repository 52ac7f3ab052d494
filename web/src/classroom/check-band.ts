import { api } from '../shared/api';
import type { Who } from '../shared/as-screen';
import type { Locale } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import type { Challenge } from '../shared/types';
import { secondsLeft, shareLeft, shown, told, type Check } from './check';
import { element, write } from './dom';
import { chime } from './sound';
import { WORDS } from './words';

/** A presence check over the picture, which goes on: a sentence, four tiles, a ring that runs out. */

const SVG = 'http://www.w3.org/2000/svg';
const ROUND = 126;
const THANKS_MS = 3000;
/** Answers that it makes no sense to bring again. */
const SETTLED = new Set([404, 409, 410, 422]);

function ring(): { root: SVGSVGElement; arc: SVGCircleElement } {
  const root = document.createElementNS(SVG, 'svg');
  root.setAttribute('viewBox', '0 0 48 48');
  root.setAttribute('class', 'check-ring');
  root.setAttribute('aria-hidden', 'true');
  const [track, arc] = [document.createElementNS(SVG, 'circle'), document.createElementNS(SVG, 'circle')];
  for (const circle of [track, arc]) {
    for (const [name, value] of [['cx', '24'], ['cy', '24'], ['r', '20']] as const) circle.setAttribute(name, value);
    root.appendChild(circle);
  }
  arc.setAttribute('stroke-dasharray', String(ROUND));
  return { root, arc };
}

export class CheckBand {
  readonly root = element('section', { id: 'check', role: 'alertdialog', 'aria-labelledby': 'check-text', 'data-testid': 'check' });
  private readonly text = element('p', { id: 'check-text', class: 'check-text' });
  private readonly left = element('span', { class: 'check-left', 'aria-live': 'off' });
  private readonly tiles = element('div', { class: 'check-tiles' });
  private readonly clock = ring();
  private check: Check | null = null;
  private drawn = '';
  private thanksUntil = 0;
  private sending = false;

  constructor(
    private readonly locale: Locale,
    private readonly who: () => Who | null,
  ) {
    const clock = element('div', { class: 'check-clock' }, this.clock.root, this.left);
    [this.text, clock, this.tiles].forEach((node) => this.root.appendChild(node));
    this.root.hidden = true;
  }

  tell(challenge: Challenge | null): void {
    if (challenge === null) return;
    this.check = told(this.check, challenge, this.locale, performance.now());
    this.tick();
  }

  tick(): void {
    const now = performance.now();
    const { check } = this;
    const open = shown(check, now);
    this.root.hidden = !open && now >= this.thanksUntil;
    if (!open) return;
    if (this.drawn !== check.id) this.draw(check);
    write(this.left, String(secondsLeft(check, now)));
    this.clock.arc.setAttribute('stroke-dashoffset', String(ROUND * (1 - shareLeft(check, now))));
  }

  private draw(check: Check): void {
    this.drawn = check.id;
    delete this.root.dataset['thanks'];
    write(this.text, check.text);
    this.tiles.textContent = '';
    for (const tile of check.tiles) {
      const button = element('button', { type: 'button', class: 'tile', 'data-testid': 'tile' }, tile);
      button.addEventListener('click', () => void this.touch(check, tile));
      this.tiles.appendChild(button);
    }
    chime();
  }

  private async touch(check: Check, tile: string): Promise<void> {
    const who = this.who();
    if (this.sending || who === null || check.done) return;
    this.sending = true;
    this.mark(tile);
    try {
      await api.answerCheck(who, check.id, tile);
      this.settle(check, true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Without network the tiles stay: it may be tried again until the time is over.
      if (SETTLED.has(error.status)) this.settle(check, false);
      else this.mark('');
    } finally {
      this.sending = false;
    }
  }

  private mark(tile: string): void {
    for (const node of Array.from(this.tiles.children)) node.setAttribute('aria-pressed', String(node.textContent === tile));
  }

  private settle(check: Check, thanks: boolean): void {
    if (this.check === check) this.check = { ...check, done: true };
    if (thanks) {
      this.thanksUntil = performance.now() + THANKS_MS;
      this.root.dataset['thanks'] = 'true';
      write(this.text, WORDS[this.locale]['check.thanks']);
    }
    this.tick();
  }
}
