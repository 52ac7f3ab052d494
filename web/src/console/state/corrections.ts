import type { Choices, Closing, Correction, CorrectionField, CorrectionLevel, Reason } from '../../shared/corrections';

/** What of a correction is chosen, and what fits to what was chosen before. Pure. */
export interface Draft {
  lecture: string;
  level: CorrectionLevel;
  scope: string;
  field: CorrectionField;
  /** A number, or the code of a result. */
  value: string;
  reason: string;
  note: string;
  evidence: string;
}

export const FIELDS: readonly CorrectionField[] = ['present', 'expected', 'result'];
export const EXCUSED = 'excused';

/** The reasons that explain a field; a whole school or county unit needs one that excuses. */
export function fitting(choices: Choices | null, level: CorrectionLevel, field: CorrectionField): Reason[] {
  return (choices?.reasons ?? []).filter((one) => one.fields.includes(field) && (level === 'class' || one.whole));
}

/** Whether enough is chosen to see what it would change. */
export function isWhole(draft: Draft): boolean {
  const number = draft.field === 'result' || /^(0|[1-9]\d{0,4})$/.test(draft.value);
  return draft.lecture !== '' && draft.scope !== '' && draft.value !== '' && draft.reason !== '' && number;
}

/** What the object of a correction is called. */
export function objectOf(row: Pick<Correction, 'level' | 'class_name' | 'school_name' | 'county_name'>): string {
  if (row.level === 'county') return row.county_name;
  return row.level === 'school' ? row.school_name : `${row.school_name} ${row.class_name}`;
}

/** The row that counts for a unit: its own or the prefecture's, whichever is newer; none when the term was never closed. */
export function closingOf(closings: readonly Closing[], unit: string, top: string, term: string): Closing | undefined {
  return closings
    .filter((one) => one.term === term && (one.region === unit || one.region === top))
    .reduce<Closing | undefined>((newest, one) => (newest === undefined || one.number > newest.number ? one : newest), undefined);
}
