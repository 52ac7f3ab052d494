import { element, write } from '../classroom/dom';
import { keepKey, makeKey } from '../shared/device-key';
import { translate, type Locale, type Params } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import { begin, poll, repair, type Offer } from './server';
import { ALPHABET, clean, fits, grouped, LETTERS } from './sticker';
import { WORDS, type Key } from './words';

const POLL_MS = 2000;
const RETRY_MS = 5000;

/** The pairing page: six digits that renew themselves, or the keypad for a room's sticker. One thing at a time. */
export class App {
  private readonly title = element('h1');
  private readonly big = element('p', { class: 'big', 'data-testid': 'code', 'aria-live': 'polite' });
  private readonly how = element('p', { class: 'how' });
  private readonly left = element('p', { class: 'left' });
  private readonly buttons = element('div', { class: 'buttons' });
  private readonly keypad = element('div', { class: 'keypad', 'data-testid': 'keypad' });
  private readonly key = makeKey();
  private typed = '';
  private run = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly locale: Locale,
    private readonly go: (address: string) => void,
  ) {}

  start(sticker: string): void {
    document.title = this.t('title');
    this.root.append(this.title, this.big, this.how, this.left, this.keypad, this.buttons);
    for (const letter of ALPHABET) this.keypad.append(this.button(letter, () => this.type(letter), 'key'));
    document.addEventListener('keydown', (event) => this.pressed(event));
    if (sticker === '') void this.offer();
    else void this.useSticker(clean(sticker));
  }

  private t(key: Key, params?: Params): string {
    return translate(WORDS, this.locale, key, params);
  }

  private button(text: string, act: () => void, name = 'wide'): HTMLButtonElement {
    const made = element('button', { type: 'button', class: name }, text);
    made.addEventListener('click', act);
    return made;
  }

  /** Shows one page; what ran for the page before ends. */
  private show(title: string, big: string, how: string, ...buttons: HTMLButtonElement[]): number {
    write(this.title, title);
    write(this.big, big);
    write(this.how, how);
    write(this.left, '');
    this.keypad.hidden = true;
    this.root.removeAttribute('data-keys');
    this.buttons.textContent = '';
    this.buttons.append(...buttons);
    return ++this.run;
  }

  private toSticker(): HTMLButtonElement {
    return this.button(this.t('sticker.open'), () => this.showKeypad());
  }

  private async offer(): Promise<void> {
    const run = this.show(this.t('title'), '', this.t('asking'), this.toSticker());
    try {
      const made = await begin((await this.key)?.jwk ?? null);
      if (run !== this.run) return;
      const digits = `${made.code.slice(0, 3)} ${made.code.slice(3)}`;
      await this.wait(made, performance.now() + made.seconds * 1000, this.show(this.t('code'), digits, this.t('code.how'), this.toSticker()));
    } catch (error) {
      if (run === this.run) this.trouble(error);
    }
  }

  private async wait(offer: Offer, until: number, run: number): Promise<void> {
    while (run === this.run) {
      const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      const time = `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
      write(this.left, this.t('code.left', { time }));
      const answer = seconds % (POLL_MS / 1000) === 0 ? await this.ask(offer) : null;
      if (run !== this.run) return;
      if (answer?.state === 'confirmed' && answer.screen_id !== null) {
        await this.enter(answer.screen_id, `/class/${answer.screen_id}#${answer.device_token ?? ''}`);
        return;
      }
      if (answer?.state === 'refused') {
        this.show(this.t('refused'), '', this.t('refused.next'), this.button(this.t('again'), () => void this.offer()), this.toSticker());
        return;
      }
      if (seconds === 0 || answer?.state === 'expired' || answer?.state === 'collected') {
        void this.offer();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** A question that gets no answer is asked again; the code on the screen stays. */
  private async ask(offer: Offer): Promise<Awaited<ReturnType<typeof poll>> | null> {
    try {
      return await poll(offer);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return { state: 'expired', screen_id: null, device_token: null };
      return null;
    }
  }

  private trouble(error: unknown): void {
    const busy = error instanceof Problem && error.code === 'too_many_pairings';
    const run = this.show(this.t(busy ? 'busy' : 'offline'), '', this.t(busy ? 'busy.next' : 'offline.next'), this.toSticker());
    const seconds = error instanceof Problem ? error.retryAfter : null;
    setTimeout(() => run === this.run && void this.offer(), seconds === null ? RETRY_MS : seconds * 1000);
  }

  private showKeypad(): void {
    this.typed = '';
    const back = this.button(this.t('sticker.back'), () => void this.offer());
    const drop = this.button(this.t('sticker.delete'), () => this.type(''));
    const go = this.button(this.t('sticker.go'), () => void this.useSticker(this.typed), 'wide go');
    this.show(this.t('sticker.title'), grouped(''), this.t('sticker.hint'), back, drop, go);
    this.keypad.hidden = false;
    this.root.setAttribute('data-keys', '');
  }

  private type(letter: string): void {
    if (this.keypad.hidden) return;
    this.typed = letter === '' ? this.typed.slice(0, -1) : clean(this.typed + letter);
    write(this.big, grouped(this.typed));
    if (this.typed.length === LETTERS && fits(this.typed)) void this.useSticker(this.typed);
  }

  private pressed(event: KeyboardEvent): void {
    if (this.keypad.hidden || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Backspace') this.type('');
    else if (event.key.length === 1) this.type(event.key);
  }

  private async useSticker(code: string): Promise<void> {
    if (!fits(code)) {
      this.wrong('wrong');
      return;
    }
    const run = this.show(this.t('sticker.trying'), grouped(code), '');
    try {
      const key = await this.key;
      const { screen_id: screen, url } = await repair(code, key?.jwk ?? null);
      if (run === this.run) await this.enter(screen, url);
    } catch (error) {
      if (run !== this.run) return;
      if (error instanceof Problem && error.code === 'no_such_sticker') this.wrong('wrong');
      else if (error instanceof Problem && error.code === 'repaired_too_often') this.wrong('often');
      else this.trouble(error);
    }
  }

  private wrong(why: 'wrong' | 'often'): void {
    const again = this.button(this.t('sticker.open'), () => this.showKeypad());
    this.show(this.t(why), '', this.t(why === 'wrong' ? 'wrong.next' : 'often.next'), again, this.button(this.t('again'), () => void this.offer()));
  }

  /** The key is kept before the page changes; one that is not kept shows on the class screen as E-15. */
  private async enter(screen: string, address: string): Promise<void> {
    this.show(this.t('done'), '', '');
    const key = await this.key;
    if (key !== null) await keepKey(screen, key).catch((error: unknown) => console.error('the key is not kept', error));
    this.go(address);
  }
}
