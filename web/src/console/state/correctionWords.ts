import type { Correction, CorrectionField, Reason } from '../../shared/corrections';
import { locale, t, type Key } from '../words';

/** A value as people read it: a number, the name of a result. */
export function valueWord(field: CorrectionField, value: string): string {
  if (value === '') return field === 'result' ? '–' : t('corr.value.none');
  return field === 'result' ? t(`corr.result.${value}` as Key) : value;
}

export function changeWords(row: Pick<Correction, 'level' | 'field' | 'old' | 'new'>): string {
  const after = valueWord(row.field, row.new);
  return row.level === 'class' ? `${valueWord(row.field, row.old)} → ${after}` : after;
}

export function reasonWord(reasons: readonly Reason[], code: string): string {
  const found = reasons.find((one) => one.code === code);
  return found === undefined ? code : locale.value === 'en' ? found.en : found.zh;
}
