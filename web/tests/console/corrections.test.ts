import { describe, expect, it } from 'vitest';
import type { Choices, Closing } from '../../src/shared/corrections';
import { closingOf, fitting, isWhole, objectOf, type Draft } from '../../src/console/state/corrections';

const choices: Choices = {
  days: 15,
  results: ['qualified', 'excused'],
  reasons: [
    { code: 'power', zh: '停电', en: 'Power cut', fields: ['result'], whole: true },
    { code: 'count', zh: '人数填错', en: 'Wrong number', fields: ['present', 'expected'], whole: false },
    { code: 'terminal', zh: '终端更换', en: 'Screen replaced', fields: ['result', 'present'], whole: false },
  ],
};
const draft: Draft = { lecture: 'l', level: 'class', scope: 'c', field: 'present', value: '44', reason: 'count', note: '', evidence: '' };
const codes = (...given: Parameters<typeof fitting>): string[] => fitting(...given).map((one) => one.code);

describe('reasons', () => {
  it('explain the field that is chosen', () => {
    expect(codes(choices, 'class', 'present')).toEqual(['count', 'terminal']);
    expect(codes(choices, 'class', 'result')).toEqual(['power', 'terminal']);
  });
  it('excuse, for a whole school', () => expect(codes(choices, 'school', 'result')).toEqual(['power']));
  it('are none before they are loaded', () => expect(codes(null, 'class', 'result')).toEqual([]));
});

describe('a draft', () => {
  it('is seen when everything is chosen', () => expect(isWhole(draft)).toBe(true));
  it.each([{ value: '' }, { value: '4.5' }, { value: '044' }, { value: '-1' }, { value: '４' }, { scope: '' }, { lecture: '' }, { reason: '' }])('is not with %o', (wrong) =>
    expect(isWhole({ ...draft, ...wrong })).toBe(false),
  );
  it('takes the code of a result', () => expect(isWhole({ ...draft, field: 'result', value: 'excused' })).toBe(true));
});

it('names what is corrected', () => {
  const names = { class_name: '一班', school_name: '一小', county_name: '兴义市' };
  expect((['class', 'school', 'county'] as const).map((level) => objectOf({ level, ...names }))).toEqual(['一小 一班', '一小', '兴义市']);
});

it('finds the closing that counts: of the unit or of the prefecture, whichever is newer', () => {
  const row = (number: number, region: string, closed: boolean): Closing => ({ number, region, closed, term: 't', reason: '', by: '', at: '' });
  const all = [row(1, 'top', true), row(2, 'a', false)];
  expect(closingOf(all, 'a', 'top', 't')?.number).toBe(2);
  expect(closingOf(all, 'b', 'top', 't')?.number).toBe(1);
  expect(closingOf(all, 'b', 'top', 'other')).toBeUndefined();
});
