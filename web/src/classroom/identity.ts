import type { ErrorCode } from './codes';

/**
 * Which screen this is. The address is `/class/{screen_id}#device-token`; the token is kept under the screen's own id, so that
 * several rooms can be tried in one browser, and leaves the address bar, where a pupil could photograph it.
 */
export interface Identity {
  readonly screenId: string;
  readonly token: string;
}

export interface Place {
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
}

export type Store = Pick<Storage, 'getItem' | 'setItem'>;

const keyOf = (screenId: string): string => `jiangtang.screen.${screenId}`;

/** Keeps `value`; whether it can be read back. Some kiosks forbid storage or forget it at once. */
function keep(store: Store | null, key: string, value: string): boolean {
  try {
    store?.setItem(key, value);
    return store?.getItem(key) === value;
  } catch {
    return false;
  }
}

export function recall(store: Store | null, key: string): string | null {
  try {
    return store?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function screenOf(pathname: string): string | null {
  const match = /^\/class\/([^/]+)\/?$/.exec(pathname);
  return match?.[1] === undefined ? null : decode(match[1]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Reads the address and what was kept. `cleaned` is the address to show from now on, or null when the token could not be kept and
 * therefore has to stay in it.
 */
export function identify(place: Place, store: Store | null): { who: Identity | ErrorCode; cleaned: string | null } {
  const screenId = screenOf(place.pathname);
  if (screenId === null) return { who: 'E-11', cleaned: null };
  const given = decode(place.hash.replace(/^#/, ''));
  const kept = given !== '' && keep(store, keyOf(screenId), given);
  const token = given !== '' ? given : recall(store, keyOf(screenId));
  if (token === null || token === '') return { who: 'E-12', cleaned: null };
  return { who: { screenId, token }, cleaned: kept ? place.pathname + place.search : null };
}
