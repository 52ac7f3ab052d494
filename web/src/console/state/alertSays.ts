import type { Alert } from '../../shared/alerts';
import { count } from '../../shared/format';
import { t } from '../words';

/** What a reminder says, in a sentence. */
export function alertSays(row: Alert): string {
  if (row.rule !== 'absent') return t(`alerts.what.${row.rule}`, { count: count(row.count) });
  if (row.level === 'school') return t('alerts.what.absent.school');
  return t('alerts.what.absent', { count: count(row.count), expected: count(row.expected) });
}
