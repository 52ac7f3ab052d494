/**
 * Words of the pages, without a framework: flat keys, `{name}` parameters, zh-CN first and en complete. The type of the
 * English table is the keys of the Chinese one, so a missing sentence does not compile.
 */
export type Locale = 'zh-CN' | 'en';
export type Messages<K extends string> = Readonly<Record<K, string>>;
export type Params = Readonly<Record<string, string | number>>;

const STORE = 'jiangtang.locale';

function isLocale(value: string | null): value is Locale {
  return value === 'zh-CN' || value === 'en';
}

/** The language asked for by `?lang=`, else the one chosen before, else Chinese. */
export function initialLocale(): Locale {
  const asked = new URLSearchParams(location.search).get('lang');
  const stored = recall();
  return isLocale(asked) ? asked : isLocale(stored) ? stored : 'zh-CN';
}

function recall(): string | null {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null; // storage is forbidden in some kiosks
  }
}

/** Keeps the choice and tells the document, for screen readers and for the choice of glyphs. */
export function applyLocale(locale: Locale): void {
  document.documentElement.lang = locale;
  try {
    localStorage.setItem(STORE, locale);
  } catch {
    return; // the choice then lasts as long as the page
  }
}

export function fill(sentence: string, params: Params = {}): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export function translate<K extends string>(
  tables: Readonly<Record<Locale, Messages<K>>>,
  locale: Locale,
  key: K,
  params?: Params,
): string {
  return fill(tables[locale][key], params);
}
