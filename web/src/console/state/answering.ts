import { ElMessage, ElMessageBox } from 'element-plus';
import { alertsApi } from '../../shared/alerts';
import { asProblem, explained, t } from '../words';
import { ring } from './bell';

/** Asks for a note and answers a reminder; true when it was answered. */
export async function answer(id: string, how: 'acknowledge' | 'contact'): Promise<boolean> {
  const options = {
    confirmButtonText: t(`alerts.${how}`),
    cancelButtonText: t('app.cancel'),
    inputPlaceholder: t('alerts.note'),
    inputPattern: /^.{0,200}$/,
  };
  const given = await ElMessageBox.prompt(t('alerts.note'), t(`alerts.${how}.title`), options).catch(() => null);
  if (given === null) return false;
  const note = given.value ?? '';
  try {
    await (how === 'acknowledge' ? alertsApi.acknowledge(id, note) : alertsApi.contacted(id, note));
    ElMessage.success(t(`alerts.${how}.done`));
  } catch (error) {
    complain(error);
  }
  void ring();
  return true;
}

/** Says what went wrong, and what to do, for a moment. */
export function complain(error: unknown): void {
  const { reason, next } = explained(asProblem(error));
  ElMessage.error(`${reason}${t('app.colon')}${next}`);
}
