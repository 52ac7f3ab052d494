import { computed, onMounted, onUnmounted, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import type { PageOf } from '../../shared/screens';
import { format, narrow, parse } from './route';
import { recall, remember } from './tableMemory';
import { ask, begin, narrowed, read, turn, write, type Beginning, type Wish } from './tableWish';
import { useLoad, type Load } from './useLoad';

const TYPING_MS = 250;
const SIZE = 50;

export interface TableOptions<T> {
  /** Under this name the person's columns and length of page are remembered. */
  readonly name: string;
  readonly fetch: (query: Record<string, string>) => Promise<PageOf<T>>;
  /** Names of the filters in address and query, each with its value when nobody has set it. */
  readonly filters?: Readonly<Record<string, string>>;
  readonly sort?: string;
  /** What the page itself says, for instance whose rows: sent, but neither shown nor in the address. */
  readonly fixed?: () => Record<string, string>;
  /** False for a list that is not what its page is about: the address does not tell of it. */
  readonly address?: boolean;
}

/** A list in pages: what is wanted, what is there, and what a person can do about it. */
export interface Table<T> {
  readonly name: string;
  readonly wish: ShallowRef<Wish>;
  readonly rows: Load<PageOf<T>>;
  /** Whether filters or words leave something out. */
  readonly narrowed: ComputedRef<boolean>;
  readonly beginning: Beginning;
  search(text: string): void;
  filter(name: string, value: string): void;
  order(column: string, numbers: boolean): void;
  page(number: number): void;
  size(rows: number): void;
  clear(): void;
  /** What was asked for, without the page: for an export of what is shown. */
  asked(): Record<string, string>;
  reload(): Promise<void>;
}

export function useTable<T>(options: TableOptions<T>): Table<T> {
  const kept = recall(options.name);
  const beginning: Beginning = { filters: options.filters ?? {}, sort: options.sort ?? '', size: kept.size ?? SIZE };
  const told = options.address !== false;
  const place = (): string => format({ ...parse(location.hash), query: {} });
  const here = place();
  const wish = shallowRef<Wish>(told ? read(parse(location.hash).query ?? {}, beginning) : begin(beginning));
  const asked = (): Record<string, string> => ask(wish.value, options.fixed?.());
  const rows = useLoad(() => options.fetch({ ...asked(), page: String(wish.value.page), size: String(wish.value.size) }));
  let timer = 0;

  function want(changes: Partial<Wish>, waitMs = 0): void {
    wish.value = { ...wish.value, page: 1, ...changes };
    if (told && place() === here) narrow({ ...parse(location.hash), query: write(wish.value, beginning) });
    clearTimeout(timer);
    if (waitMs === 0) void reload();
    else timer = window.setTimeout(() => void reload(), waitMs);
  }

  async function reload(): Promise<void> {
    await rows.load();
    const page = rows.value.value;
    if (page === null || page.items.length > 0 || page.total === 0 || wish.value.page === 1) return;
    want({ page: Math.ceil(page.total / wish.value.size) }); // the last page has become empty
  }

  function moved(): void {
    if (!told || place() !== here) return;
    wish.value = { ...read(parse(location.hash).query ?? {}, beginning), size: wish.value.size };
    void reload();
  }

  onMounted(() => {
    addEventListener('hashchange', moved);
    void reload();
  });
  onUnmounted(() => {
    removeEventListener('hashchange', moved);
    clearTimeout(timer);
  });

  return {
    name: options.name,
    wish,
    rows,
    beginning,
    narrowed: computed(() => narrowed(wish.value, beginning)),
    search: (text) => want({ q: text }, TYPING_MS),
    filter: (name, value) => want({ filters: { ...wish.value.filters, [name]: value } }),
    order: (column, numbers) => want({ sort: turn(wish.value.sort, column, numbers) }),
    page: (number) => want({ page: number }),
    size(number) {
      remember(options.name, { size: number });
      want({ size: number });
    },
    clear: () => want({ q: '', filters: { ...beginning.filters } }),
    asked,
    reload,
  };
}
