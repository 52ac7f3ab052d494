import { describe, expect, it } from 'vitest';
import { problemsEn, problemsZh } from '../../src/shared/i18n/problems';
import { en } from '../../src/studio/words/en';
import { rehearsalEn, rehearsalZh } from '../../src/studio/words/rehearsal';
import { zh } from '../../src/studio/words/zh';
import { parameters, unusedKeys } from '../shared/words';

const chinese: Record<string, string> = { ...zh, ...problemsZh };
const english: Record<string, string> = { ...en, ...problemsEn };

describe('the studio’s words', () => {
  it('are the same keys in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(chinese).sort());
  });

  it('take the same parameters in both languages', () => {
    for (const [key, sentence] of Object.entries(chinese)) expect([key, parameters(english[key] ?? '')]).toEqual([key, parameters(sentence)]);
  });

  it('say of a rehearsal only what they say of a lecture, with the same parameters', () => {
    for (const [key, sentence] of Object.entries(rehearsalZh)) {
      expect([key, Object.keys(zh).includes(key)]).toEqual([key, true]);
      for (const other of [rehearsalEn[key as keyof typeof rehearsalZh]]) expect(parameters(other)).toEqual(parameters(sentence));
      const all = parameters(chinese[key] ?? '');
      expect(parameters(sentence).every((name) => all.includes(name))).toBe(true);
    }
  });

  it('are all used', () => {
    expect(unusedKeys(Object.keys(zh), ['src/studio'])).toEqual([]);
  });

  it('have no Chinese left in English', () => {
    const left = Object.entries(en).filter(([key, sentence]) => key !== 'lang.switch' && /[一-鿿]/.test(sentence));
    expect(left).toEqual([]);
  });
});
