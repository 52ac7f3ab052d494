/**
 * Where somebody stopped, per recording.
 *
 * 1. **Only a place worth going back to is kept**: not the first seconds, not the end.
 * 2. At most `MOST` places are kept, the newest last; the oldest goes.
 */
const STORE = 'jiangtang.player.places';
const MOST = 100;
const FIRST_S = 10;
const LAST_S = 15;

/** A recording and the second in it. */
export type Place = readonly [id: string, at: number];

/** Whether one who stopped at `at` would rather go on there than begin again. */
export function worthKeeping(at: number, duration: number): boolean {
  return at >= FIRST_S && at <= duration - LAST_S;
}

/** The places with this one noted, or forgotten when it is not worth keeping. */
export function noted(places: readonly Place[], id: string, at: number, duration: number): Place[] {
  const next = places.filter(([other]) => other !== id);
  if (worthKeeping(at, duration)) next.push([id, Math.floor(at)]);
  return next.slice(-MOST);
}

const isPlace = (entry: unknown): entry is Place =>
  Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';

/** What is stored, as far as it has the right shape: people and other programs can write there too. */
export function read(text: string | null): Place[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(isPlace) : [];
  } catch {
    return [];
  }
}

function stored(): Place[] {
  try {
    return read(localStorage.getItem(STORE));
  } catch {
    return []; // storage is forbidden in some kiosks
  }
}

/** The place where `id` was left, or null. */
export function placeOf(id: string, duration: number | null): number | null {
  const place = stored().find(([other]) => other === id);
  return place !== undefined && worthKeeping(place[1], duration ?? Infinity) ? place[1] : null;
}

export function keepPlace(id: string, at: number, duration: number): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(noted(stored(), id, at, duration)));
  } catch {
    return; // then it begins again next time
  }
}
