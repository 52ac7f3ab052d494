import { duration } from '../shared/format';
import { fill, type Locale } from '../shared/i18n/core';
import type { Recording } from '../shared/types';
import { WORDS, type Word } from './words';

const KNOWN: Readonly<Record<string, Word>> = {
  disk_full: 'flaw.disk_full',
  packets_lost: 'flaw.packets_lost',
  picture_frozen: 'flaw.picture_frozen',
  torn_end: 'flaw.torn_end',
  no_picture: 'flaw.no_picture',
};

/** What a class should know before it watches, in words: how much is missing, and what may look wrong. */
export function flawsOf({ gaps, problems }: Pick<Recording, 'gaps' | 'problems'>, locale: Locale): string[] {
  const words = WORDS[locale];
  const missing = gaps.reduce((sum, gap) => sum + gap.seconds, 0);
  const said = missing >= 1 ? [fill(words['flaw.gap'], { length: duration(missing, locale) })] : [];
  for (const code of problems) {
    const sentence = words[KNOWN[code] ?? 'flaw.other'];
    if (said.indexOf(sentence) < 0) said.push(sentence);
  }
  return said;
}
