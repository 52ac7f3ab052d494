import type { BroadcastState, LectureOrder, Role } from '../../shared/types';

/** Which orders make sense in which state, the usual one first. The server decides; this only keeps buttons away that it would refuse. */
const POSSIBLE: Readonly<Record<BroadcastState, readonly LectureOrder[]>> = {
  scheduled: ['open'],
  open: ['start', 'end'],
  live: ['pause', 'end', 'cut'],
  paused: ['resume', 'end', 'cut'],
  cut: ['resume', 'end'],
  ended: [],
  archived: [],
};

const DIRECTS: ReadonlySet<Role> = new Set<Role>(['prefecture_admin', 'operator', 'lecturer']);
const CUTS: ReadonlySet<Role> = new Set<Role>(['prefecture_admin', 'operator']);

export function possible(state: BroadcastState, role: Role): LectureOrder[] {
  if (!DIRECTS.has(role)) return [];
  return POSSIBLE[state].filter((order) => {
    const guarded = order === 'cut' || (order === 'resume' && state === 'cut');
    return !guarded || CUTS.has(role);
  });
}
