import type { AssessmentKind, AssessmentRow, AssessmentSheet, ClassNumber } from '../../shared/assessments';

/** What is being typed of an assessment, and what of it would be sent. Pure. */
export interface Draft {
  took_part: number | null;
  passed: number | null;
}

export type Drafts = Record<string, Draft>;

/** What stands; before anything does, everybody took part: one number is changed where that is not so. A class without a size stays empty. */
export function draftsOf({ rows, version }: AssessmentSheet): Drafts {
  const fresh = version === 0;
  return Object.fromEntries(rows.map((row) => [row.class_id, { took_part: fresh && row.size > 0 ? row.size : row.took_part, passed: row.passed }]));
}

export type Wrong = 'no_size' | 'too_many' | 'too_many_passed';

export function wrong(row: AssessmentRow, { took_part, passed }: Draft): Wrong | null {
  if (took_part === null) return passed === null ? null : 'too_many_passed';
  if (row.size === 0) return 'no_size';
  if (took_part > row.size) return 'too_many';
  return passed !== null && passed > took_part ? 'too_many_passed' : null;
}

/** The numbers that would change something. */
export function changes(sheet: AssessmentSheet, drafts: Drafts): ClassNumber[] {
  return sheet.rows.flatMap((row) => {
    const draft = drafts[row.class_id];
    const same = draft === undefined || (draft.took_part === row.took_part && draft.passed === row.passed);
    return same ? [] : [{ class_id: row.class_id, ...draft }];
  });
}

/** The numbers by which what stood in `before` stands again. */
export function backTo(before: AssessmentSheet, now: AssessmentSheet): ClassNumber[] {
  const drafts = Object.fromEntries(before.rows.map(({ class_id, took_part, passed }) => [class_id, { took_part, passed }]));
  return changes(now, drafts);
}

/** Whether enough of a class take part for the assessment to count. */
export function enough(row: AssessmentRow, { took_part }: Draft, share: number): boolean {
  return took_part !== null && took_part > 0 && took_part >= row.size * share - 1e-9;
}

export const kindName = (kinds: readonly AssessmentKind[], kind: string, locale: string): string => {
  const found = kinds.find((one) => one.kind === kind);
  return found === undefined ? kind : locale === 'en' ? found.en : found.zh;
};
