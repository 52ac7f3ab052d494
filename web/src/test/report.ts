import { asScreen, type Who } from '../shared/as-screen';
import type { Line } from '../shared/lines';
import { Problem } from '../shared/problem';

/** Hands a result in as the screens that this browser is paired as: mostly one, none in an office. */

const KEPT = 'jiangtang.screen.';
const MOST = 3;

export type Handed = 'sent' | 'not_sent' | 'unpaired';

/** The screens whose tokens the class page kept here (`classroom/identity.ts`). */
export function pairedAs(store: Storage | null): Who[] {
  const found: Who[] = [];
  try {
    for (let i = 0; store !== null && i < store.length && found.length < MOST; i += 1) {
      const name = store.key(i) ?? '';
      const token = name.slice(0, KEPT.length) === KEPT ? store.getItem(name) : null;
      if (token !== null) found.push({ screenId: name.slice(KEPT.length), token });
    }
  } catch {
    return []; // storage is forbidden in some kiosks
  }
  return found;
}

export function newRun(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => `0${byte.toString(16)}`.slice(-2)).join('');
}

/** A token that is no longer good counts as none. */
export async function hand(run: string, lines: readonly Line[], paired: readonly Who[]): Promise<Handed> {
  let outcome: Handed = 'unpaired';
  for (const who of paired) {
    try {
      await asScreen(who, 'POST', `/api/v1/screens/${encodeURIComponent(who.screenId)}/line-tests`, { run, lines });
      return 'sent';
    } catch (error) {
      const stale = error instanceof Problem && error.status === 401 && error.code === 'bad_device';
      if (!stale) outcome = 'not_sent';
    }
  }
  return outcome;
}
