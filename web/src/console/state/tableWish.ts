/** What somebody wants to see of a list, as the address of the page and as the query of the server. Pure. */
export interface Wish {
  readonly q: string;
  readonly page: number;
  readonly size: number;
  /** A column, with `-` before it for the largest first; empty for the order of the server. */
  readonly sort: string;
  readonly filters: Readonly<Record<string, string>>;
}

/** How a list begins: the filters that it has with the value that each has by itself, and the order. */
export interface Beginning {
  readonly filters: Readonly<Record<string, string>>;
  readonly sort: string;
  readonly size: number;
}

type Query = Record<string, string>;

export const SIZES = [20, 50, 100, 200] as const;

export function begin(from: Beginning): Wish {
  return { q: '', page: 1, size: from.size, sort: from.sort, filters: { ...from.filters } };
}

/** Reads what an address says; what it does not say is as in the beginning. */
export function read(query: Readonly<Query>, from: Beginning): Wish {
  const page = Number(query['page']);
  const filters = Object.fromEntries(Object.entries(from.filters).map(([name, value]) => [name, query[name] ?? value]));
  return { ...begin(from), q: query['q'] ?? '', page: Number.isInteger(page) && page > 0 ? page : 1, sort: query['sort'] ?? from.sort, filters };
}

/** Only what differs from the beginning stands in the address. */
export function write(wish: Wish, from: Beginning): Query {
  const query: Query = {};
  for (const name of changed(wish, from)) query[name] = wish.filters[name] ?? '';
  if (wish.q !== '') query['q'] = wish.q;
  if (wish.sort !== from.sort) query['sort'] = wish.sort;
  if (wish.page !== 1) query['page'] = String(wish.page);
  return query;
}

/** The filters that somebody has set. */
export function changed(wish: Wish, from: Beginning): string[] {
  return Object.keys(from.filters).filter((name) => (wish.filters[name] ?? '') !== from.filters[name]);
}

export const narrowed = (wish: Wish, from: Beginning): boolean => wish.q.trim() !== '' || changed(wish, from).length > 0;

/** What narrows and orders the list, for the server; `fixed` is what the page itself says and nobody can take away. */
export function ask(wish: Wish, fixed: Readonly<Query> = {}): Query {
  const said = Object.entries({ ...wish.filters, q: wish.q.trim(), sort: wish.sort, ...fixed });
  return Object.fromEntries(said.filter(([, value]) => value !== ''));
}

/** The next order of a column: numbers begin with the largest, words with the first; the third time it is the server's own. */
export function turn(sort: string, column: string, numbers: boolean): string {
  const order = numbers ? [`-${column}`, column, ''] : [column, `-${column}`, ''];
  return order[(order.indexOf(sort) + 1) % order.length] ?? '';
}
