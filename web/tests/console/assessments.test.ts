import { describe, expect, it } from 'vitest';
import { backTo, changes, draftsOf, enough, kindName, wrong } from '../../src/console/state/assessments';
import type { AssessmentRow, AssessmentSheet } from '../../src/shared/assessments';

const row = (class_id: string, more: Partial<AssessmentRow> = {}): AssessmentRow => ({
  class_id,
  name: class_id,
  size: 40,
  rolled: true,
  took_part: null,
  passed: null,
  counts: false,
  by: '',
  at: null,
  ...more,
});
const sheet = (version: number, ...rows: AssessmentRow[]): AssessmentSheet => ({ kind: 'quiz', day: '2026-10-12', version, term: '2026-2027-1', closed: false, rows });

describe('the numbers of an assessment', () => {
  it('are ready with the class sizes before anything was entered, and as they stand after that', () => {
    expect(draftsOf(sheet(0, row('a'), row('b', { size: 0 })))).toEqual({ a: { took_part: 40, passed: null }, b: { took_part: null, passed: null } });
    expect(draftsOf(sheet(1, row('a', { took_part: 38, passed: 30 }), row('b')))).toEqual({ a: { took_part: 38, passed: 30 }, b: { took_part: null, passed: null } });
  });

  it('are sent where they would change something', () => {
    const now = sheet(1, row('a', { took_part: 38 }), row('b', { took_part: 40 }), row('c'));
    expect(changes(now, draftsOf(now))).toEqual([]);
    const typed = { ...draftsOf(now), a: { took_part: 39, passed: null }, b: { took_part: null, passed: null } };
    expect(changes(now, typed)).toEqual([
      { class_id: 'a', took_part: 39, passed: null },
      { class_id: 'b', took_part: null, passed: null },
    ]);
  });

  it('can be put back as they were', () => {
    const before = sheet(0, row('a'), row('b'));
    expect(backTo(before, sheet(1, row('a', { took_part: 40 }), row('b')))).toEqual([{ class_id: 'a', took_part: null, passed: null }]);
  });

  it('are never more than the class has, nor do more pass than took part', () => {
    expect(wrong(row('a'), { took_part: 41, passed: null })).toBe('too_many');
    expect(wrong(row('a'), { took_part: 30, passed: 31 })).toBe('too_many_passed');
    expect(wrong(row('a'), { took_part: null, passed: 1 })).toBe('too_many_passed');
    expect(wrong(row('a', { size: 0 }), { took_part: 1, passed: null })).toBe('no_size');
    expect(wrong(row('a'), { took_part: 40, passed: 40 })).toBeNull();
    expect(wrong(row('a'), { took_part: null, passed: null })).toBeNull();
  });

  it('count from a share of the class, the share included', () => {
    expect(enough(row('a'), { took_part: 32, passed: null }, 0.8)).toBe(true);
    expect(enough(row('a'), { took_part: 31, passed: null }, 0.8)).toBe(false);
    expect(enough(row('a', { size: 0 }), { took_part: 0, passed: null }, 0.8)).toBe(false);
  });
});

it('names a kind in the language of the page', () => {
  const kinds = [{ kind: 'quiz', zh: '考试', en: 'Quiz' }];
  expect([kindName(kinds, 'quiz', 'zh-CN'), kindName(kinds, 'quiz', 'en'), kindName(kinds, 'gone', 'en')]).toEqual(['考试', 'Quiz', 'gone']);
});
