import { describe, expect, it } from 'vitest';
import { byLecture, draftOf, tooMany, unchanged } from '../../src/console/state/headcounts';
import type { HeadCount } from '../../src/shared/headcounts';

const row = (lecture: string, id: string, changes: Partial<HeadCount> = {}): HeadCount => ({
  lecture_id: lecture,
  title: `讲座 ${lecture}`,
  audience: 'pupils',
  class_id: id,
  class_name: `七年级${id}班`,
  expected: 40,
  opens_at: '2026-03-02T01:35:00Z',
  closes_at: null,
  present: null,
  guests: null,
  by: null,
  at: null,
  version: 0,
  ...changes,
});

describe('head-counts in the console', () => {
  it('stand lecture by lecture with how many are done', () => {
    const told = byLecture([row('L2', '1'), row('L1', '1', { present: 38 }), row('L1', '2')]);
    expect(told.map(({ id, done, rows }) => [id, done, rows.length])).toEqual([
      ['L2', 0, 1],
      ['L1', 1, 2],
    ]);
    expect(byLecture([])).toEqual([]);
    expect(byLecture([row('L1', '1'), row('L2', '1', { audience: 'parents' })]).map((one) => one.households)).toEqual([false, true]);
  });

  it('are ready with the size of the class, or with what was confirmed', () => {
    expect(draftOf(row('L', '1'))).toEqual({ present: 40, guests: 0 });
    expect(draftOf(row('L', '1', { present: 38, guests: 1 }))).toEqual({ present: 38, guests: 1 });
  });

  it('refuse too many and say nothing twice', () => {
    expect(tooMany(row('L', '1'), { present: 41, guests: 0 })).toBe(true);
    expect(tooMany(row('L', '1'), { present: 41, guests: 1 })).toBe(false);
    expect(unchanged(row('L', '1'), { present: 40, guests: 0 })).toBe(false);
    expect(unchanged(row('L', '1', { present: 40, guests: 0 }), { present: 40, guests: 0 })).toBe(true);
  });
});
