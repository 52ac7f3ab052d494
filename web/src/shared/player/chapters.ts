import type { Locale } from '../i18n/core';
import type { Chapter } from './types';
import type { Say } from './words';

/** Chapters of a recording: it has a new one wherever the broadcast went on after a pause. */

const DIGITS = '零一二三四五六七八九';

/** 二, 十, 十二, 二十, 二十一: the numbers of 第二段, up to 99; beyond that plain digits. */
export function chineseNumber(n: number): string {
  if (n < 1 || n > 99) return String(n);
  const [tens, ones] = [Math.floor(n / 10), n % 10];
  const head = tens === 0 ? '' : tens === 1 ? '十' : `${DIGITS.charAt(tens)}十`;
  return head + (ones === 0 ? '' : DIGITS.charAt(ones));
}

/** 开始, 第二段, 第三段 … */
export function chapterName(index: number, locale: Locale, say: Say): string {
  if (index === 0) return say('chapter.first');
  return say('chapter.part', { number: locale === 'en' ? index + 1 : chineseNumber(index + 1) });
}

/** The chapter that `at` lies in, or -1 before the first. `chapters` are in order. */
export function chapterAt(chapters: readonly Chapter[], at: number): number {
  let found = -1;
  for (let i = 0; i < chapters.length; i += 1) {
    const chapter = chapters[i];
    // a tenth of a second: seeking to a chapter may land a frame before it
    if (chapter !== undefined && chapter.start_s <= at + 0.1) found = i;
  }
  return found;
}

/** Chapters in order, without those that begin where another does (two orders in the same second). */
export function inOrder(chapters: readonly Chapter[]): Chapter[] {
  const sorted = chapters.slice().sort((a, b) => a.start_s - b.start_s);
  return sorted.filter((chapter, i) => i === 0 || chapter.start_s - (sorted[i - 1]?.start_s ?? 0) >= 1);
}
