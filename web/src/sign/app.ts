import { element, write } from '../classroom/dom';
import { translate, type Locale, type Params } from '../shared/i18n/core';
import { dateTime } from '../shared/format';
import { Problem } from '../shared/problem';
import { arrive, names, sign, type Arrival } from './server';
import { WORDS, type Key } from './words';

/** Signing at a training: the code, the work number, one's own name. It shows nothing but this training. */
export class App {
  private readonly title = element('h1');
  private readonly where = element('p', { class: 'where' });
  private readonly said = element('p', { class: 'said', role: 'status', 'data-testid': 'said' });
  private readonly body = element('div', { class: 'body' });
  private arrival: Arrival | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly locale: Locale,
  ) {}

  async start(code: string): Promise<void> {
    this.root.append(this.title, this.where, this.said, this.body);
    this.say('checking');
    try {
      this.arrival = await arrive(code);
    } catch (error) {
      this.refused(error);
      return;
    }
    const { title, school, room, way } = this.arrival;
    write(this.title, `${this.t(`title.${way}`)} · ${title}`);
    document.title = this.t(`title.${way}`);
    write(this.where, this.t('where', { school, room }));
    this.askNumber('');
  }

  private t(key: Key, params?: Params): string {
    return translate(WORDS, this.locale, key, params);
  }

  private say(key: Key, next?: Key): void {
    write(this.said, next === undefined ? this.t(key) : `${this.t(key)} ${this.t(next)}`);
  }

  private button(text: string, act: () => void, name: string): HTMLButtonElement {
    const made = element('button', { type: 'button', class: name }, text);
    made.addEventListener('click', act);
    return made;
  }

  private askNumber(typed: string): void {
    write(this.said, '');
    const field = element('input', { id: 'number', autocomplete: 'off', autocapitalize: 'characters', maxlength: '32', 'data-testid': 'number' });
    field.value = typed;
    const form = element('form');
    const label = element('label', { for: 'number' }, this.t('number'));
    const go = element('button', { type: 'submit', class: 'wide', 'data-testid': 'next' }, this.t('next'));
    form.append(label, field, element('p', { class: 'hint' }, this.t('number.hint')), go);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const number = field.value.trim();
      if (number !== '') void this.askName(number, go);
    });
    this.body.textContent = '';
    this.body.append(form);
    field.focus();
  }

  private async askName(number: string, go: HTMLButtonElement): Promise<void> {
    go.disabled = true;
    try {
      const found = await names(number);
      write(this.said, '');
      this.body.textContent = '';
      const list = element('div', { class: 'names', role: 'group', 'aria-label': this.t('name') });
      for (const name of found) list.append(this.button(name, () => void this.finish(number, name), 'wide name'));
      list.append(this.button(this.t('none'), () => { this.askNumber(number); this.say('none', 'none.next'); }, 'plain'));
      this.body.append(element('p', { class: 'ask' }, this.t('name')), list);
    } catch (error) {
      go.disabled = false;
      this.refused(error);
    }
  }

  private async finish(number: string, name: string): Promise<void> {
    try {
      const { way, at } = await sign(number, name);
      this.body.textContent = '';
      write(this.title, this.t(`done.${way}`));
      write(this.said, `${this.t('done.at', { name, time: dateTime(at) })} ${this.t(`done.${way}.next`)}`);
    } catch (error) {
      if (error instanceof Problem && error.code === 'no_such_teacher') {
        this.askNumber(number);
        this.say('mismatch');
      } else this.refused(error);
    }
  }

  private refused(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 410) this.ended('old', 'old.next');
    else if (error.status === 429) this.ended('often', 'often.next');
    else if (error.status === 404 || error.status === 422) this.ended('wrong', 'wrong.next');
    else this.say('trouble', 'trouble.next');
  }

  private ended(key: Key, next: Key): void {
    this.body.textContent = '';
    write(this.title, this.t(key));
    write(this.said, this.t(next));
  }
}
