import { expect, test } from 'vitest';
import { kinds, rules } from '../../src/console/state/passwords';

const policy = { shortest: 12, longest: 256, kinds: 2 };
const met = (password: string): boolean[] => rules(password, policy, 'zhangwei', '张伟').map((rule) => rule.met);

test('kinds of letters are counted as the server counts them', () => {
  expect(kinds('')).toBe(0);
  expect(kinds('abc')).toBe(1);
  expect(kinds('aB3')).toBe(3);
  expect(kinds('九月a!')).toBe(3);
  expect(kinds('aB3九 ')).toBe(5);
});

test('each rule is met by itself', () => {
  expect(met('')).toEqual([false, false, false]);
  expect(met('九月开学第一课 2026')).toEqual([true, true, true]);
  expect(met('short-1')).toEqual([false, true, true]);
  expect(met('xx-ZhangWei-2026')).toEqual([true, true, false]);
  expect(met('xx-iewgnahz-2026')).toEqual([true, true, false]);
  expect(met('我是张伟呀呀呀呀呀呀呀 1')).toEqual([true, true, false]);
});
