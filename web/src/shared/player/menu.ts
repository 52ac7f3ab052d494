import { attribute, element } from './dom';

/** A button with a list to choose one from; a menu as WAI-ARIA describes it: arrows move, Enter chooses, Escape closes. */
export interface MenuOptions {
  button: HTMLButtonElement;
  label: string;
  testid: string;
  items: readonly string[];
  /** Which one is chosen, or -1. */
  chosen(): number;
  choose(index: number): void;
}

export class Menu {
  readonly root: HTMLElement;
  private readonly list: HTMLElement;
  private readonly items: HTMLElement[];

  constructor(private readonly options: MenuOptions) {
    const { button, label, testid } = options;
    this.items = options.items.map((text, i) => this.item(text, i));
    this.list = element('div', { class: 'jtp-menu', role: 'menu', 'aria-label': label, 'data-testid': testid }, ...this.items);
    this.list.hidden = true;
    this.root = element('div', { class: 'jtp-holder' }, button, this.list);
    attribute(button, 'aria-haspopup', 'menu');
    attribute(button, 'aria-expanded', 'false');
    button.addEventListener('click', () => (this.open ? this.close() : this.show()));
    this.list.addEventListener('keydown', (event) => this.press(event));
    this.root.addEventListener('focusout', (event) => {
      if (this.open && !this.root.contains(event.relatedTarget as Node | null)) this.close();
    });
  }

  get open(): boolean {
    return !this.list.hidden;
  }

  close(): void {
    this.list.hidden = true;
    attribute(this.options.button, 'aria-expanded', 'false');
  }

  private show(): void {
    const chosen = this.options.chosen();
    this.list.hidden = false;
    attribute(this.options.button, 'aria-expanded', 'true');
    this.items.forEach((item, i) => attribute(item, 'aria-checked', String(i === chosen)));
    this.items[Math.max(0, chosen)]?.focus();
  }

  private item(text: string, index: number): HTMLElement {
    const item = element('button', { type: 'button', role: 'menuitemradio', tabindex: '-1', class: 'jtp-item', 'aria-checked': 'false' }, text);
    item.addEventListener('click', () => {
      this.back();
      this.options.choose(index);
    });
    return item;
  }

  private back(): void {
    this.close();
    this.options.button.focus();
  }

  /** Keys of an open menu are its own: they neither seek nor pause. */
  private press(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === 'Escape') this.back();
    const [at, count] = [this.items.indexOf(document.activeElement as HTMLElement), this.items.length];
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1 };
    const next = to[event.key];
    if (next !== undefined) this.items[(next + count) % count]?.focus();
    if (next !== undefined || event.key === 'Escape') event.preventDefault();
  }
}
