import type { CoverCell, Coverage, Covered, CoverState, Seated } from '../../shared/coverage';
import { count } from '../../shared/format';

/** What a term says of a school to do next, and the roster of a training. Pure. */

/** The shape that goes with a state, so that colour says nothing alone. */
export const SHAPES = { done: 'check', part: 'clock', open: 'cross', none: 'box' } as const satisfies Record<CoverState, string>;
export const TONES = { done: 'good', part: 'warn', open: 'bad', none: 'plain' } as const satisfies Record<CoverState, string>;

/** How a coverage is told. Nothing to count of is nobody's fault: the list behind it is missing, and has a place where it is filled in. */
export function face(cell: Pick<CoverCell, 'of' | 'state'>, name: Covered) {
  if (cell.of === 0 && cell.state === 'open') return { tone: 'plain', shape: 'box', word: `cover.missing.${name}` } as const;
  return { tone: TONES[cell.state], shape: SHAPES[cell.state], word: `cover.state.${cell.state}` } as const;
}

/** A share with two decimals, rounded down: 99.996 % is not the whole. */
export function percent(cell: Pick<CoverCell, 'done' | 'of'>): string {
  if (cell.of <= 0) return '–';
  return `${(Math.floor((cell.done / cell.of) * 10000) / 100).toFixed(2)}%`;
}

/** `12 / 14（85.71%）`, the share rounded down; nothing expected gives no share. */
export function shareOf(done: number, of: number): string {
  return of > 0 ? `${count(done)} / ${count(of)}（${percent({ done, of })}）` : `${count(done)} / ${count(of)}`;
}

export type Step = 'lessons' | 'confirm' | 'teachers' | 'roster' | 'assessment' | 'parents' | 'roll';
export interface Todo {
  readonly step: Step;
  /** How many are missing. */
  readonly missing: number;
}

/** What a school lacks, in the order in which it helps; nothing when all four are done. */
export function todos(term: Coverage): Todo[] {
  const { cells, totals, classes } = term;
  const lessons = cells.lessons.of - cells.lessons.done;
  const unconfirmed = classes.filter((one) => one.state === 'done' && one.present === 0 && one.pupils > 0).length;
  const found: Todo[] = [
    { step: 'lessons', missing: lessons },
    { step: 'confirm', missing: unconfirmed },
    { step: 'roster', missing: totals.staff === 0 ? 1 : 0 },
    { step: 'teachers', missing: totals.staff - totals.trained },
    { step: 'assessment', missing: (cells.assessment?.of ?? 0) - (cells.assessment?.done ?? 0) },
    { step: 'parents', missing: totals.classes - totals.parents_classes_done },
    { step: 'roll', missing: totals.classes_unrolled },
  ];
  return found.filter((one) => one.missing > 0);
}

/** The teachers whom words of a name, or the beginning of a number, leave. */
export function searched(teachers: readonly Seated[], words: string): Seated[] {
  const wanted = words.trim().split(/\s+/).filter((word) => word !== '');
  return teachers.filter((one) => wanted.every((word) => one.name.includes(word) || one.staff_no.startsWith(word)));
}

/** The ids of those whose tick would change. */
export function changing(teachers: readonly Seated[], ticked: boolean): string[] {
  return teachers.filter((one) => one.ticked !== ticked).map((one) => one.id);
}
