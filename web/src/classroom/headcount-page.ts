import { fill, type Locale, type Params } from '../shared/i18n/core';
import { drawing, element, write } from './dom';
import { tooMany, type Count } from './headcount';
import { SHAPES } from './shapes';
import { WORDS, type Word } from './words';

/** 确认人数: two numbers with − and +, a number pad, one big button. Knows nothing of the server. */
export interface CountTouches {
  step(field: Count['field'], by: number): void;
  choose(field: Count['field']): void;
  digit(typed: number): void;
  erase(): void;
  send(): void;
  close(): void;
}

const FIELDS = ['present', 'guests'] as const;

/** The words of people, and of households where parents are counted. */
type Words = Readonly<Record<'title' | 'expected' | 'thanks' | 'too_many' | Count['field'], Word>>;
const PEOPLE: Words = {
  title: 'count.title',
  expected: 'count.expected',
  thanks: 'count.thanks',
  too_many: 'count.too_many',
  present: 'count.present',
  guests: 'count.guests',
};
const HOUSEHOLDS: Words = {
  title: 'count.title.households',
  expected: 'count.expected.households',
  thanks: 'count.thanks.households',
  too_many: 'count.too_many.households',
  present: 'count.present.households',
  guests: 'count.guests',
};

function troubleWord(code: string, words: Words): Word {
  if (code === 'offline' || code === 'timeout') return 'count.offline';
  if (code === 'impossible_count') return words.too_many;
  return code === 'headcount_over' || code === 'not_found' ? 'count.over' : 'count.failed';
}

export class HeadcountPage {
  readonly root = element('section', { id: 'count', role: 'dialog', 'aria-labelledby': 'count-title', 'data-testid': 'count' });
  private readonly title = element('h1', { id: 'count-title' });
  private readonly lecture = element('p', { class: 'count-lecture' });
  private readonly expected = element('p', { class: 'count-expected' });
  private readonly trouble = element('p', { class: 'count-trouble', role: 'alert' });
  private readonly numbers = new Map<Count['field'], HTMLButtonElement>();
  private readonly names = new Map<Count['field'], HTMLElement>();
  private readonly confirm: HTMLButtonElement;
  private readonly later: HTMLButtonElement;
  private readonly form = element('div', { class: 'count-form' });
  private readonly thanks = element('div', { class: 'count-thanks', role: 'status' });
  private readonly thanked = element('h2', {});

  constructor(
    private readonly locale: Locale,
    private readonly touches: CountTouches,
  ) {
    const rows = element('div', { class: 'count-rows' }, this.expected, ...FIELDS.map((field) => this.row(field)));
    this.form.appendChild(rows);
    this.form.appendChild(this.pad());
    this.confirm = this.button('count.confirm', 'count-confirm', () => touches.send());
    this.later = this.button('count.later', 'count-later', () => touches.close());
    const foot = element('footer', {}, this.trouble, this.later, this.confirm);
    this.thanks.appendChild(drawing('check', ...SHAPES.check));
    this.thanks.appendChild(this.thanked);
    const head = element('header', {}, this.title, this.lecture);
    [head, this.form, foot, this.thanks].forEach((node) => this.root.appendChild(node));
    this.root.hidden = true;
  }

  render(count: Count): void {
    const { slip, at } = count;
    this.root.hidden = at === 'closed' || slip === null;
    if (slip === null) return;
    const words = slip.households ? HOUSEHOLDS : PEOPLE;
    this.root.dataset['at'] = at;
    this.thanks.hidden = at !== 'thanks';
    write(this.title, this.word(words.title));
    write(this.lecture, slip.title);
    write(this.expected, this.word(words.expected, { count: slip.expected }));
    write(this.thanked, this.word(words.thanks, { count: count.present }));
    const refusal = tooMany(count) ? words.too_many : count.trouble === '' ? null : troubleWord(count.trouble, words);
    write(this.trouble, refusal === null ? '' : this.word(refusal, { count: slip.expected }));
    for (const [field, node] of Array.from(this.names)) write(node, this.word(words[field]));
    for (const [field, node] of Array.from(this.numbers)) {
      write(node, String(count[field]));
      node.setAttribute('aria-pressed', String(count.field === field));
      node.setAttribute('aria-label', `${this.word(words[field])} ${String(count[field])}`);
    }
    this.confirm.disabled = at !== 'counting' || tooMany(count);
  }

  private word(key: Word, params?: Params): string {
    return fill(WORDS[this.locale][key], params);
  }

  private button(key: Word, testid: string, touched: () => void): HTMLButtonElement {
    const made = element('button', { type: 'button', class: 'bar-button', 'data-testid': testid }, this.word(key));
    made.addEventListener('click', touched);
    return made;
  }

  private key(text: string, label: string, testid: string, touched: () => void): HTMLButtonElement {
    const made = element('button', { type: 'button', class: 'count-key', 'aria-label': label, 'data-testid': testid }, text);
    made.addEventListener('click', touched);
    return made;
  }

  private row(field: Count['field']): HTMLElement {
    const { touches } = this;
    const name = this.word(PEOPLE[field]);
    const shown = element('span', { class: 'count-name' }, name);
    this.names.set(field, shown);
    const number = this.key('0', name, `count-${field}`, () => touches.choose(field));
    number.classList.add('count-number');
    this.numbers.set(field, number);
    const less = this.key('−', `${name} −1`, `count-${field}-less`, () => touches.step(field, -1));
    const more = this.key('+', `${name} +1`, `count-${field}-more`, () => touches.step(field, 1));
    return element('div', { class: `count-row ${field}` }, shown, less, number, more);
  }

  private pad(): HTMLElement {
    const { touches } = this;
    const pad = element('div', { class: 'count-pad' });
    for (const digit of [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]) {
      pad.appendChild(this.key(String(digit), String(digit), `count-digit-${String(digit)}`, () => touches.digit(digit)));
    }
    pad.appendChild(this.key('⌫', this.word('count.erase'), 'count-erase', () => touches.erase()));
    return pad;
  }
}
