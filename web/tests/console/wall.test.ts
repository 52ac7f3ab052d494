import { describe, expect, it } from 'vitest';
import { apply, layout, shareOf, step, sums } from '../../src/console/state/wall';
import type { WallClass, WallDocument, WallSchool } from '../../src/shared/wall';

const one = (id: string, state: WallClass['state'], rest: Partial<WallClass> = {}): WallClass => ({ id, name: id, level: 'E2', state, reason: '', path: '', forged: false, ...rest });
const school = (...classes: WallClass[]): WallSchool => ({ code: classes.map(({ id }) => id).join(), name: '第一小学', classes });
const board = (...schools: WallSchool[]): WallDocument => ({
  lecture_id: 'l',
  boot_id: 'b',
  revision: 5,
  at: '2026-03-02T04:00:00Z',
  levels_at: null,
  state: 'live',
  counties: [{ code: '522301', name: '兴义市', schools }],
});

describe('a tile', () => {
  it.each([
    ['full', ['receiving', 'receiving']],
    ['most', ['receiving', 'lost']],
    ['few', ['receiving', 'lost', 'none']],
    ['connected', ['connected', 'lost']],
    ['lost', ['lost', 'none']],
    ['none', ['none']],
  ] as const)('is %s', (share, states) => {
    expect(shareOf(school(...states.map((state, i) => one(String(i), state))))).toBe(share);
  });

  it('is counted with its denominator, level and reason', () => {
    const told = sums(board(school(one('a', 'receiving', { level: 'E3' }), one('b', 'lost', { reason: 'lost', forged: true })), school(one('c', 'none', { level: 'E0', reason: 'absent' }))).counties);
    expect([told.schoolsReceiving, told.schools, told.classesReceiving, told.classes, told.forged]).toEqual([1, 2, 1, 3, 1]);
    expect([told.levels.E0, told.levels.E2, told.levels.E3]).toEqual([1, 1, 1]);
    expect([...told.reasons]).toEqual([
      ['lost', 1],
      ['absent', 1],
    ]);
  });
});

describe('what is pushed', () => {
  const before = board(school(one('a', 'lost')), school(one('b', 'none')));
  const head = { lecture_id: 'l', boot_id: 'b', at: '2026-03-02T04:00:02Z', levels_at: null, state: 'live' } as const;

  it('replaces lines and leaves what did not change the same object', () => {
    const line = { id: 'a', level: 'E3', state: 'receiving', reason: 'muted', path: 'webrtc', forged: false } as const;
    const after = apply(before, { ...head, revision: 6, classes: [line] });
    expect(after.counties[0]?.schools[0]?.classes[0]).toEqual({ ...line, name: 'a' });
    expect(after.counties[0]?.schools[1]).toBe(before.counties[0]?.schools[1]);
    expect(after.revision).toBe(6);
  });

  it('does not put an older message over a newer board', () => {
    const line = { id: 'a', level: 'E0', state: 'none', reason: 'absent', path: '', forged: false } as const;
    expect(apply(before, { ...head, revision: 4, classes: [line] })).toBe(before);
    expect(apply(before, { ...head, boot_id: 'another', revision: 1, classes: [line] }).revision).toBe(1);
  });
});

describe('where tiles stand', () => {
  const sizes = [412, 233, 198, 170, 160, 150, 140, 130, 60, 22].map((schools, i) => ({ code: String(i), schools }));

  it.each([
    [1326, 430, 30],
    [1880, 640, 44],
    [700, 600, 30],
  ])('every school has a tile within %d × %d', (width, height, head) => {
    const { cell, plots } = layout(sizes, width, height, head);
    expect(cell).toBeGreaterThan(9);
    for (const plot of plots) {
      const rows = Math.ceil(plot.schools / plot.columns);
      expect(plot.x).toBeGreaterThanOrEqual(0);
      expect(plot.x + plot.width).toBeLessThanOrEqual(width);
      expect(plot.y + plot.height).toBeLessThanOrEqual(height);
      expect(plot.columns * cell).toBeLessThanOrEqual(plot.width + 0.01);
      expect(head + rows * cell).toBeLessThanOrEqual(plot.height + 0.01);
    }
  });

  it('has no tile in no space', () => expect(layout(sizes, 0, 100, 30).plots).toEqual([]));

  it('is walked by arrows and stays within', () => {
    expect([step('ArrowRight', 0, 10, 4), step('ArrowDown', 1, 10, 4), step('ArrowUp', 1, 10, 4), step('End', 1, 10, 4), step('ArrowDown', 7, 10, 4), step('x', 3, 10, 4)]).toEqual([1, 5, 1, 9, 7, 3]);
  });
});
