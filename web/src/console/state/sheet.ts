import type { CoverLecture } from '../../shared/coverage';
import { RESULTS, type ClassFigures, type ClassResult, type LectureCounts } from '../../shared/sheets';

/** Where the bars of a printed page are. Pure; lengths in units of the picture. */

/** Rows that fit on one page of A4. */
export const LECTURES = 14;
export const CLASSES = 66;
/** Characters of a title in front of its bar. */
export const TITLE = 16;

export interface Bar {
  readonly id: string;
  readonly title: string;
  readonly day: string;
  readonly done: number;
  readonly due: number;
  /** Lengths of what is done and of what is due. */
  readonly full: number;
  readonly whole: number;
}

export function cut(title: string, length = TITLE): string {
  const letters = Array.from(title);
  return letters.length <= length ? title : `${letters.slice(0, length - 1).join('')}…`;
}

/** The newest lectures that fit, in order, all on one scale: the longest bar is the greatest number of classes that were due. */
export function bars(lectures: readonly CoverLecture[], width: number, day: (iso: string) => string): Bar[] {
  const shown = lectures.slice(-LECTURES);
  const most = Math.max(1, ...shown.map((one) => one.classes - one.excused));
  return shown.map((one) => {
    const due = one.classes - one.excused;
    const length = (number: number): number => Math.round((number / most) * width * 10) / 10;
    return { id: one.id, title: cut(one.title), day: day(one.started_at), done: one.credited, due, full: length(one.credited), whole: length(due) };
  });
}

export interface Piece {
  readonly result: ClassResult;
  readonly number: number;
  readonly from: number;
  readonly length: number;
}

/** One bar of all classes, cut into their results; the pieces add up to the width. */
export function pieces(totals: LectureCounts, width: number): Piece[] {
  let sum = 0;
  return RESULTS.filter((result) => totals[result] > 0).map((result) => {
    const from = (sum / totals.classes) * width;
    sum += totals[result];
    return { result, number: totals[result], from, length: (totals[result] / totals.classes) * width };
  });
}

/** The classes that are listed, and how many are not. */
export function listed(classes: readonly ClassFigures[]): { shown: readonly ClassFigures[]; left: number } {
  return { shown: classes.slice(0, CLASSES), left: Math.max(0, classes.length - CLASSES) };
}

/** A digest in groups that can be compared by eye. */
export function grouped(digest: string): string {
  return digest.match(/.{1,8}/g)?.join(' ') ?? '';
}
