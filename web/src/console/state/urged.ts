import { computed, shallowRef } from 'vue';
import { urgingApi, type OwnUrging } from '../../shared/urging';
import { asProblem } from '../words';
import { may, noticeExpiry, user } from './session';

/** What one's own school was urged to about lectures that run; asked for every quarter of a minute. What is shown is told the server once. */
export const URGED_MS = 15_000;
export const urged = shallowRef<readonly OwnUrging[]>([]);
export const unread = computed(() => urged.value.filter((one) => one.read_at === null && one.connected_at === null));
const shown = new Set<string>();

export const isUrged = (): boolean => user.value?.role === 'school_admin' && may('alert.read');

export async function look(): Promise<void> {
  if (!isUrged()) {
    urged.value = [];
    return;
  }
  try {
    urged.value = await urgingApi.own();
    for (const one of unread.value) {
      if (document.visibilityState !== 'visible' || shown.has(one.id) || !may('alert.answer')) continue;
      await urgingApi.take(one.id, 'delivered');
      shown.add(one.id);
    }
  } catch (error) {
    noticeExpiry(asProblem(error)); // anything else: what is known is a little older
  }
}

export async function read(one: OwnUrging): Promise<void> {
  await urgingApi.take(one.id, 'read');
  await look();
}
