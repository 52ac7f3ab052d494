import { onMounted, onUnmounted } from 'vue';

/** Somebody who has typed something is asked before it is lost: by a link, by Back, by closing the tab. At most one page holds. */
export interface Hold {
  /** Whether there is something to lose. */
  readonly dirty: () => boolean;
  /** Asks; true lets go. */
  readonly ask: () => Promise<boolean>;
}

let held: Hold | null = null;
let asking = false;

/** Whether one may leave now: at once where nothing is held, after a question where something is. */
export async function mayLeave(): Promise<boolean> {
  if (held === null || !held.dirty()) return true;
  if (asking) return false;
  asking = true;
  try {
    return await held.ask();
  } finally {
    asking = false;
  }
}

export function holds(): boolean {
  return held !== null && held.dirty();
}

export function release(): void {
  held = null;
}

/** Holds while the page is there. */
export function useLeaving(hold: Hold): void {
  const close = (event: BeforeUnloadEvent): void => {
    if (hold.dirty()) event.preventDefault();
  };
  onMounted(() => {
    held = hold;
    addEventListener('beforeunload', close);
  });
  onUnmounted(() => {
    if (held === hold) held = null;
    removeEventListener('beforeunload', close);
  });
}
