import type { Recording } from '../shared/types';

/**
 * The recordings that a class may watch while it has nothing live: a list, a page of it, one that is played. Pure; milliseconds.
 *
 * 1. **A lecture that begins goes first**: it is announced, and entered by itself when nobody does.
 * 2. What nobody touches and nothing plays for ten minutes is closed: the screen shows what it is there for.
 */
export interface Shelf {
  readonly at: 'closed' | 'loading' | 'list' | 'opening' | 'watching' | 'trouble';
  readonly items: readonly Recording[];
  readonly page: number;
  /** What is played, being opened, or did not open. */
  readonly chosen: Recording | null;
  /** The code of a failure. */
  readonly code: string;
  readonly touchedAt: number;
  /** When the lecture that has begun is entered by itself. */
  readonly returnAt: number | null;
}

export type ShelfEvent =
  | { type: 'open' }
  | { type: 'loaded'; items: readonly Recording[] }
  | { type: 'failed'; code: string }
  | { type: 'turn'; by: number }
  | { type: 'choose'; recording: Recording }
  | { type: 'opened' }
  | { type: 'retry' }
  | { type: 'back' }
  | { type: 'leave' }
  | { type: 'touched' }
  | { type: 'tick'; onAir: boolean; playing: boolean };

export const CLOSED: Shelf = { at: 'closed', items: [], page: 0, chosen: null, code: '', touchedAt: 0, returnAt: null };

/** Cards on a page: two rows of three fill a screen and are still touched without aiming. */
export const CARDS = 6;
const IDLE = 10 * 60_000;
const ANNOUNCED = 10_000;

export const pagesOf = (items: readonly Recording[]): number => Math.max(1, Math.ceil(items.length / CARDS));

export const shown = ({ items, page }: Shelf): readonly Recording[] => items.slice(page * CARDS, (page + 1) * CARDS);

function tick(shelf: Shelf, onAir: boolean, playing: boolean, now: number): Shelf {
  const touchedAt = playing ? now : shelf.touchedAt;
  const returnAt = onAir ? (shelf.returnAt ?? now + ANNOUNCED) : null;
  if ((returnAt !== null && now >= returnAt) || now - touchedAt >= IDLE) return CLOSED;
  return { ...shelf, touchedAt, returnAt };
}

function back(shelf: Shelf): Shelf {
  return shelf.chosen === null ? CLOSED : { ...shelf, at: 'list', chosen: null };
}

function loaded(shelf: Shelf, items: readonly Recording[]): Shelf {
  return shelf.at === 'loading' ? { ...shelf, at: 'list', items, page: Math.min(shelf.page, pagesOf(items) - 1) } : shelf;
}

function failed(shelf: Shelf, code: string): Shelf {
  return shelf.at === 'loading' || shelf.at === 'opening' ? { ...shelf, at: 'trouble', code } : shelf;
}

/** One event at one time; an event that means nothing where the shelf stands changes nothing. */
export function shelve(shelf: Shelf, event: ShelfEvent, now: number): Shelf {
  if (shelf.at === 'closed') return event.type === 'open' ? { ...CLOSED, at: 'loading', touchedAt: now } : shelf;
  switch (event.type) {
    case 'tick':
      return tick(shelf, event.onAir, event.playing, now);
    case 'loaded':
      return loaded(shelf, event.items);
    case 'failed':
      return failed(shelf, event.code);
    case 'opened':
      return shelf.at === 'opening' ? { ...shelf, at: 'watching' } : shelf;
    case 'leave':
      return CLOSED;
    case 'open':
      return shelf;
    default:
      return touched({ ...shelf, touchedAt: now }, event);
  }
}

type Touch = Extract<ShelfEvent, { type: 'turn' | 'choose' | 'retry' | 'back' | 'touched' }>;

function touched(shelf: Shelf, event: Touch): Shelf {
  switch (event.type) {
    case 'turn':
      return { ...shelf, page: Math.min(Math.max(shelf.page + event.by, 0), pagesOf(shelf.items) - 1) };
    case 'choose':
      return shelf.at === 'list' ? { ...shelf, at: 'opening', chosen: event.recording } : shelf;
    case 'retry':
      return shelf.at === 'trouble' ? { ...shelf, at: shelf.chosen === null ? 'loading' : 'opening' } : shelf;
    case 'back':
      return back(shelf);
    case 'touched':
      return shelf;
  }
}
