import { ElMessageBox } from 'element-plus';
import { t } from '../words';

/** Asks in words what will happen; true when it shall. */
export async function confirmed(title: string, question: string, action: string): Promise<boolean> {
  const options = { confirmButtonText: action, cancelButtonText: t('app.cancel'), type: 'warning' as const };
  return (await ElMessageBox.confirm(question, title, options).catch(() => null)) !== null;
}
