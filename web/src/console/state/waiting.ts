import { ref } from 'vue';
import { correctionsApi } from '../../shared/corrections';
import { asProblem } from '../words';
import { may, noticeExpiry } from './session';

/** Corrections of others that wait for the person who is logged in; asked for with the bell, and again when one was decided. */
export const waiting = ref(0);

export async function countWaiting(): Promise<void> {
  if (!may('correction.decide')) {
    waiting.value = 0;
    return;
  }
  try {
    waiting.value = await correctionsApi.waiting();
  } catch (error) {
    noticeExpiry(asProblem(error)); // anything else: the number is a little older
  }
}
