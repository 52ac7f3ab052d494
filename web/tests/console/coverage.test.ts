import { describe, expect, it } from 'vitest';
import { changing, percent, searched, todos } from '../../src/console/state/coverage';
import type { CoverCell, Coverage, CoverClass, Seated } from '../../src/shared/coverage';

const cell = (done: number, of: number): CoverCell => ({ done, of, ratio: null, state: 'part', lenient: false });
const room = (more: Partial<CoverClass>): CoverClass => ({
  id: '1',
  name: '二(1)班',
  held: 1,
  state: 'done',
  present: 40,
  pupils: 40,
  parents_held: 0,
  parents_state: 'open',
  reached: 0,
  households: 40,
  at_home: 0,
  rolled: true,
  assessed: 0,
  assessed_state: 'none',
  ...more,
});
const term = (more: { classes?: CoverClass[]; staff?: number; trained?: number; lessons?: CoverCell; done?: number }): Coverage =>
  ({
    cells: { lessons: more.lessons ?? cell(2, 2) },
    totals: { classes: 2, classes_unrolled: 0, staff: more.staff ?? 3, trained: more.trained ?? 3, parents_classes_done: more.done ?? 2 },
    classes: more.classes ?? [room({})],
  }) as unknown as Coverage;
const teacher = (staff_no: string, name: string, ticked = false): Seated => ({ id: staff_no, staff_no, name, ticked }) as Seated;

describe('a share', () => {
  it('never reads as the whole before it is', () => {
    expect(percent(cell(29999, 30000))).toBe('99.99%');
    expect(percent(cell(40, 40))).toBe('100.00%');
    expect(percent(cell(0, 0))).toBe('–');
  });
});

describe('what a school lacks', () => {
  it('is nothing when all is done', () => {
    expect(todos(term({}))).toEqual([]);
  });

  it('is told with numbers, the most helpful first', () => {
    const lacking = term({ lessons: cell(1, 3), classes: [room({ present: 0 }), room({ state: 'open', present: 0 })], staff: 4, trained: 1, done: 0 });
    expect(todos(lacking)).toEqual([
      { step: 'lessons', missing: 2 },
      { step: 'confirm', missing: 1 },
      { step: 'teachers', missing: 3 },
      { step: 'parents', missing: 2 },
    ]);
    const assessed = { ...term({}), cells: { ...term({}).cells, assessment: cell(1, 3) } } as Coverage;
    expect(todos(assessed)).toEqual([{ step: 'assessment', missing: 2 }]);
    expect(todos(term({ staff: 0, trained: 0 })).map((one) => one.step)).toEqual(['roster']);
  });
});

describe('a roster', () => {
  const staff = [teacher('A01', '甲老师', true), teacher('A02', '乙老师'), teacher('B01', '丙老师')];

  it('is searched by names and beginnings of numbers', () => {
    expect(searched(staff, 'A0').map((one) => one.staff_no)).toEqual(['A01', 'A02']);
    expect(searched(staff, ' 乙 A').map((one) => one.staff_no)).toEqual(['A02']);
    expect(searched(staff, '')).toEqual(staff);
  });

  it('changes only those who are not that way already', () => {
    expect(changing(staff, true)).toEqual(['A02', 'B01']);
    expect(changing(staff, false)).toEqual(['A01']);
  });
});
