import { request } from './problem';
import type { BroadcastState, ScreenState } from './types';

/** The board of evidence as the server sends it (`signaling/wall`). */
export const LEVELS = ['E0', 'E1', 'E2', 'E3', 'E4', 'E5'] as const;
export type Level = (typeof LEVELS)[number];
export const REASONS = ['unpaired', 'absent', 'lost', 'undelivered', 'sound_blocked', 'muted', 'hidden', 'still', 'unreported', 'hls'] as const;
export type Reason = (typeof REASONS)[number];

export interface WallLine {
  readonly id: string;
  /** What was reached so far. */
  readonly level: Level;
  /** What is now. */
  readonly state: ScreenState;
  readonly reason: Reason | '';
  readonly path: '' | 'webrtc' | 'hls';
  readonly forged: boolean;
}

export interface WallClass extends WallLine {
  readonly name: string;
}

export interface WallSchool {
  readonly code: string;
  readonly name: string;
  readonly classes: readonly WallClass[];
}

export interface WallCounty {
  readonly code: string;
  readonly name: string;
  readonly schools: readonly WallSchool[];
}

export interface WallHead {
  readonly lecture_id: string;
  readonly boot_id: string;
  readonly revision: number;
  readonly at: string;
  readonly levels_at: string | null;
  readonly state: BroadcastState;
}

export interface WallDocument extends WallHead {
  readonly counties: readonly WallCounty[];
}

export type WallChange = WallHead & { readonly classes: readonly WallLine[] };

export interface RefusedScreen {
  readonly screen_id: string;
  readonly reasons: Readonly<Record<string, number>>;
  readonly forged: boolean;
}

const get = async <T>(lecture: string, tail: string): Promise<T> =>
  (await (await request(`/api/v1/lectures/${encodeURIComponent(lecture)}/${tail}`, { credentials: 'same-origin' })).json()) as T;

export const wallApi = {
  board: (lecture: string): Promise<WallDocument> => get(lecture, 'evidence'),
  refused: async (lecture: string): Promise<RefusedScreen[]> => (await get<{ items: RefusedScreen[] }>(lecture, 'refused-reports')).items,
};
