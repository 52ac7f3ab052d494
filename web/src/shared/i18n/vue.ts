import { ref, type Ref } from 'vue';
import { applyLocale, initialLocale, translate, type Locale, type Messages, type Params } from './core';

export interface I18n<K extends string> {
  readonly locale: Ref<Locale>;
  t(key: K, params?: Params): string;
  /** Whether there is a sentence of that key: for codes that come from the server. */
  has(key: string): key is K;
  choose(locale: Locale): void;
}

/** One per page, made at module level; `t` is reactive because it reads `locale`. */
export function createI18n<K extends string>(tables: Readonly<Record<Locale, Messages<K>>>): I18n<K> {
  const locale = ref<Locale>(initialLocale());
  applyLocale(locale.value);
  return {
    locale,
    t: (key, params) => translate(tables, locale.value, key, params),
    has: (key): key is K => key in tables['zh-CN'],
    choose(next) {
      locale.value = next;
      applyLocale(next);
    },
  };
}
