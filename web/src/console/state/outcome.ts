import { i18n, t, type Key } from '../words';

/** How sending ended, in words; a code without words of its own is named. */
export function outcome(code: string): string {
  const key = `outcome.${code}`;
  return i18n.has(key) ? t(key as Key) : code;
}
