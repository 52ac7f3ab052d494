import { position, span } from '../../shared/player/time';
import { i18n, locale, t, type Key } from '../words';
import type { Complaint } from './recordings';

/** What went wrong with a recording, in words; a code without words of its own is named. */
export function trouble(code: string): string {
  const key = `trouble.${code}`;
  return i18n.has(key) ? t(key as Key) : t('trouble.other', { code });
}

/** `甲、乙`, or `a, b`. */
export function listed(words: readonly string[]): string {
  return words.join(locale.value === 'en' ? ', ' : '、');
}

/** `12:05 处缺 1 分 3 秒：磁盘空间不足`, or the problem alone. */
export function complaintText(complaint: Complaint): string {
  const { code, gap } = complaint;
  if (gap === null) return trouble(code);
  const key = `gap.${code}`;
  const reason = i18n.has(key) ? t(key as Key) : t('trouble.other', { code });
  return t('recordings.gap', { at: position(gap.atS), seconds: span(gap.seconds, locale.value), reason });
}
