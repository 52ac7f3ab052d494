import type { Action } from '../../shared/people';
import type { Locale } from '../../shared/i18n/core';

/** How the log of actions is asked for and read. Pure. */
const HOURS = '+08:00';
const DAY_MS = 86_400_000;

/** What the address says (days of the schools' clock) as the server wants it: instants, the last day included. */
export function instants(query: Readonly<Record<string, string>>): Record<string, string> {
  const { from, to, ...rest } = query;
  const asked = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''));
  if (isDay(from)) asked['since'] = `${from}T00:00:00${HOURS}`;
  if (isDay(to)) asked['until'] = new Date(Date.parse(`${to}T00:00:00${HOURS}`) + DAY_MS).toISOString();
  return asked;
}

function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** The sentence of an action; one of an older program shows as it is. */
export function sentence(actions: readonly Action[], action: string, locale: Locale): string {
  const found = actions.find((one) => one.action === action);
  return found === undefined ? action : locale === 'en' ? found.en : found.zh;
}

export interface Told {
  key: string;
  value: string;
  /** What it was before, of a change. */
  before?: string;
}

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);

function text(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
}

/** The details of an entry, one by one; a change as before and after. */
export function details(detail: Plain): Told[] {
  const { before, after, ...rest } = detail;
  const told = Object.entries(rest).flatMap(([key, value]) =>
    isPlain(value) ? details(value) : [{ key, value: text(value) }],
  );
  if (!isPlain(before) || !isPlain(after)) return told;
  const changed = Object.keys(after).map((key) => ({ key, value: text(after[key]), before: text(before[key]) }));
  return [...changed, ...told];
}
