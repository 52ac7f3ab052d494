import { duration } from '../shared/format';
import { fill, type Locale, type Params } from '../shared/i18n/core';
import type { Recording } from '../shared/types';
import { dayOf } from './clock';
import { drawing, element, write } from './dom';
import { flawsOf } from './flaws';
import { ARROW_LEFT, ARROW_RIGHT, FILM, SHAPES } from './shapes';
import { pagesOf, shown, type Shelf } from './shelf';
import { WORDS, type Word } from './words';

/** The list of recordings as big cards, in pages that are turned by touch. Knows nothing of the server. */
export interface ShelfTouches {
  choose(recording: Recording): void;
  turn(by: number): void;
  retry(): void;
  back(): void;
  /** To the lecture that has begun. */
  leave(): void;
  /** An address for the picture of a card, or null where there is none. */
  picture(recording: Recording): Promise<string | null>;
}

function troubleWord(code: string): Word {
  if (code === 'offline' || code === 'timeout') return 'shelf.offline';
  return code === 'forbidden' || code === 'not_found' || code === 'not_released' ? 'shelf.refused' : 'shelf.failed';
}

export class ShelfPage {
  readonly root = element('section', { id: 'shelf', 'data-testid': 'shelf' });
  readonly notice = element('div', { id: 'live-notice', role: 'alert', 'data-testid': 'live-notice' });
  private readonly back: HTMLButtonElement;
  private readonly cards = element('div', { class: 'cards' });
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly said: readonly [HTMLElement, HTMLElement] = [element('h2', {}), element('p', {})];
  private readonly retry: HTMLButtonElement;
  private readonly before: HTMLButtonElement;
  private readonly after: HTMLButtonElement;
  private readonly count = element('span', { 'aria-live': 'polite' });
  private readonly turner = element('footer', {});
  private readonly countdown = element('span', { class: 'soft', 'aria-live': 'off' });
  private drawn: Shelf | null = null;

  constructor(
    private readonly locale: Locale,
    private readonly touches: ShelfTouches,
  ) {
    this.back = this.button('shelf.back', 'shelf-back', () => touches.back(), ARROW_LEFT);
    this.retry = this.button('shelf.retry', 'shelf-retry', () => touches.retry());
    this.before = this.button('shelf.previous', 'shelf-previous', () => touches.turn(-1), ARROW_LEFT);
    this.after = this.button('shelf.next', 'shelf-next', () => touches.turn(1), ARROW_RIGHT);
    [this.before, this.count, this.after].forEach((node) => this.turner.appendChild(node));
    this.root.setAttribute('aria-label', this.word('shelf.title'));
    this.root.appendChild(element('header', {}, this.back, element('h1', {}, this.word('shelf.title'))));
    [...this.said, this.retry].forEach((node) => this.message.appendChild(node));
    [this.message, this.cards, this.turner].forEach((node) => this.root.appendChild(node));
    const enter = this.button('shelf.return', 'live-return', () => touches.leave());
    const words = element('p', {}, element('strong', {}, this.word('shelf.live')), this.countdown);
    [words, enter].forEach((node) => this.notice.appendChild(node));
    this.root.hidden = this.notice.hidden = true;
  }

  render(shelf: Shelf, now: number): void {
    const seconds = shelf.returnAt === null ? null : Math.max(0, Math.ceil((shelf.returnAt - now) / 1000));
    this.notice.hidden = seconds === null;
    if (seconds !== null) write(this.countdown, this.word('shelf.live.next', { seconds }));
    const before = this.drawn;
    if (before !== null && before.at === shelf.at && before.page === shelf.page && before.items === shelf.items) return;
    this.drawn = shelf;
    this.root.hidden = shelf.at === 'closed' || shelf.at === 'watching';
    this.say(shelf);
    this.fillCards(shelf);
    // A touch must have somewhere to go on from for those who use a keyboard or a switch.
    if (!this.root.hidden && before?.at !== shelf.at) (this.cards.querySelector('button') ?? this.back).focus();
  }

  private word(key: Word, params?: Params): string {
    return fill(WORDS[this.locale][key], params);
  }

  private button(key: Word, testid: string, touched: () => void, paths: readonly string[] = []): HTMLButtonElement {
    const made = element('button', { type: 'button', class: 'bar-button', 'data-testid': testid });
    if (paths.length > 0) made.appendChild(drawing('arrow', ...paths));
    made.appendChild(element('span', {}, this.word(key)));
    made.addEventListener('click', touched);
    return made;
  }

  private say(shelf: Shelf): void {
    const [title, next] = this.said;
    const empty = shelf.at === 'list' && shelf.items.length === 0;
    const waits = shelf.at === 'loading' || shelf.at === 'opening';
    this.message.hidden = !(empty || waits || shelf.at === 'trouble');
    this.retry.hidden = shelf.at !== 'trouble';
    write(title, this.word(empty ? 'shelf.none' : waits ? 'shelf.loading' : 'shelf.trouble'));
    write(next, empty ? this.word('shelf.none.next') : waits ? '' : this.word(troubleWord(shelf.code), { code: shelf.code }));
  }

  private fillCards(shelf: Shelf): void {
    const pages = pagesOf(shelf.items);
    this.cards.hidden = shelf.at !== 'list' || shelf.items.length === 0;
    this.turner.hidden = this.cards.hidden || pages === 1;
    this.cards.textContent = '';
    if (this.cards.hidden) return;
    write(this.count, this.word('shelf.page', { page: shelf.page + 1, pages }));
    this.before.disabled = shelf.page === 0;
    this.after.disabled = shelf.page === pages - 1;
    for (const recording of shown(shelf)) this.cards.appendChild(this.card(recording));
  }

  private card(recording: Recording): HTMLElement {
    const { title, started_at: at, duration_s: length } = recording;
    const facts = [dayOf(Date.parse(at)), length === null ? '' : duration(length, this.locale)];
    const flaws = flawsOf(recording, this.locale);
    const picture = element('span', { class: 'picture' }, drawing('film', ...FILM));
    const card = element(
      'button',
      { type: 'button', class: 'card', 'data-testid': 'card', 'data-recording': recording.id },
      picture,
      element('span', { class: 'card-title' }, title),
      element('span', { class: 'card-facts' }, facts.filter((fact) => fact !== '').join(' · ')),
    );
    if (flaws.length > 0) {
      const said = element('span', {}, flaws.join(this.locale === 'en' ? '; ' : '，'));
      card.appendChild(element('span', { class: 'card-flaws' }, drawing('warning', ...SHAPES.warning), said));
    }
    card.addEventListener('click', () => this.touches.choose(recording));
    void this.touches.picture(recording).then((url) => {
      if (url !== null) picture.appendChild(element('img', { src: url, alt: '' }));
    });
    return card;
  }
}
