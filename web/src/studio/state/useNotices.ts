import { shallowRef, type ShallowRef } from 'vue';

/** Short messages that nobody asked for: a device vanished, a screen is no longer shared. Read out by screen readers. */
export interface Notice {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

export interface Notices {
  list: ShallowRef<readonly Notice[]>;
  say(text: string, action?: Notice['action']): void;
  dismiss(id: number): void;
}

const SECONDS = 8;
const AT_MOST = 4;

/** **At most four stand at once**; the oldest go first. One with an action stays until it is used or dismissed. */
export function useNotices(): Notices {
  const list = shallowRef<readonly Notice[]>([]);
  let last = 0;
  const dismiss = (id: number): void => {
    list.value = list.value.filter((notice) => notice.id !== id);
  };
  const say = (text: string, action?: Notice['action']): void => {
    const id = (last += 1);
    list.value = [...list.value, { id, text, action }].slice(-AT_MOST);
    if (action === undefined) setTimeout(() => dismiss(id), SECONDS * 1000);
  };
  return { list, say, dismiss };
}
