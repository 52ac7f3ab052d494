import { shallowRef } from 'vue';
import { alertsApi } from '../../shared/alerts';
import { asProblem } from '../words';
import { may, noticeExpiry } from './session';

/** Open reminders of one's own unit, and how many of these nobody takes care of; asked for every half minute. */
export const bell = shallowRef({ open: 0, unacknowledged: 0 });
export const BELL_MS = 30_000;

export async function ring(): Promise<void> {
  if (!may('alert.read')) return;
  try {
    bell.value = await alertsApi.counts();
  } catch (error) {
    noticeExpiry(asProblem(error)); // anything else: the number is a little older
  }
}
