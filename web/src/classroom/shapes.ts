import type { Shape } from './view';

/** A shape for every state, so that no state is told by colour or words alone. Paths in a square of 48. */
export const SHAPES: Readonly<Record<Shape, readonly string[]>> = {
  clock: ['M24 5a19 19 0 1 0 0 38a19 19 0 1 0 0-38z', 'M24 13v11l8 5'],
  pause: ['M24 5a19 19 0 1 0 0 38a19 19 0 1 0 0-38z', 'M19 17v14', 'M29 17v14'],
  stop: ['M16 5h16l11 11v16L32 43H16L5 32V16z', 'M17 17h14v14H17z'],
  check: ['M24 5a19 19 0 1 0 0 38a19 19 0 1 0 0-38z', 'M15 25l6 6l12-13'],
  calendar: ['M8 11h32v30H8z', 'M8 20h32', 'M16 6v9', 'M32 6v9', 'M20 30h8'],
  ring: ['M24 5a19 19 0 0 1 19 19'],
  warning: ['M24 6L44 41H4z', 'M24 19v11', 'M24 35v1'],
};

export const SPEAKER_OFF = ['M6 18h8l10-8v28l-10-8H6z', 'M31 19l10 10', 'M41 19L31 29'] as const;
export const SPEAKER_ON = ['M6 18h8l10-8v28l-10-8H6z', 'M31 18a8 8 0 0 1 0 12', 'M36 13a15 15 0 0 1 0 22'] as const;
export const CORNERS = ['M7 17V7h10', 'M31 7h10v10', 'M41 31v10H31', 'M17 41H7V31'] as const;
export const FROM_START = ['M10 8v32', 'M40 9L18 24l22 15z'] as const;
/** A way around: the backup line. */
export const DETOUR = ['M6 36h10l6-24h12l4 12', 'M31 19l8 6l4-9'] as const;
export const FILM = ['M6 9h36v30H6z', 'M20 17l11 7l-11 7z'] as const;
export const ARROW_LEFT = ['M30 8L14 24l16 16'] as const;
export const ARROW_RIGHT = ['M18 8l16 16l-16 16'] as const;
export const PEOPLE = ['M17 8a7 7 0 1 0 0 14a7 7 0 1 0 0-14z', 'M4 41a13 13 0 0 1 26 0', 'M32 9a7 7 0 0 1 0 13', 'M37 29a13 13 0 0 1 7 12'] as const;
