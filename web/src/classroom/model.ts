import type { BroadcastState, Watch } from '../shared/types';
import type { ErrorCode } from './codes';

/**
 * The words of the class screen's state machine: phases, facts, events and orders. No clock, no randomness, no DOM: every
 * event is handled with the time (`now`, monotonic milliseconds) and a random number given from outside.
 */

export const PHASES = [
  'asking', // the server has not answered yet
  'unscheduled', // no lecture for this class
  'waiting', // planned or open; connected ahead of the start when open
  'joining', // on the air, first picture not there yet
  'live', // the picture is shown
  'rewinding', // somebody watches an earlier part of the running lecture; the live picture is hung up
  'paused',
  'cut',
  'ended',
  'reconnecting', // there was a picture, or there should have been one by now
  'error', // needs a person; says so with a code
] as const;

export type Phase = (typeof PHASES)[number];

export interface Model {
  readonly phase: Phase;
  /** The server's last word about this screen, corrected by what the socket told since. */
  readonly watch: Watch | null;
  /** How the picture comes, or is to come: by WebRTC, or by the backup line, which is HLS and about two seconds late. */
  readonly path: 'webrtc' | 'hls';
  /** Whether the backup line runs. */
  readonly backup: boolean;
  /** When to fall to the backup line if no picture has come; exists exactly while that is what is waited for. */
  readonly fallAt: number | null;
  /** When to try WebRTC again behind the backup line's picture. */
  readonly climbAt: number | null;
  /** A picture came by WebRTC since the page was opened: what stopped it is more likely to be over soon than a network without it. */
  readonly proven: boolean;
  /** This browser and the lecture have no WebRTC codec in common: it is not tried again. */
  readonly unplayable: boolean;
  /** Whether a media connection by WebRTC exists or is being made; behind the backup line it is a trial. */
  readonly peer: 'none' | 'dialing' | 'up';
  /** Since when the picture has been moving; null while it is not. */
  readonly movingSince: number | null;
  /** Whether the realtime line is up, so that changes are told without asking. */
  readonly line: boolean;
  /** A question is on its way, and whether its answer may be older than what was told meanwhile. */
  readonly asking: boolean;
  readonly stale: boolean;
  /** When to ask next; null when only an event can bring news. */
  readonly askAt: number | null;
  /** Questions that failed in a row, and connections tried since the picture was last steady. */
  readonly misses: number;
  /** What the last failed question looked like from here. */
  readonly missed: 'E-41' | 'E-42';
  readonly dials: number;
  /** The decoder was given its tracks anew since the picture last moved. */
  readonly reattached: boolean;
  /** The server announced a restart and has not answered since. */
  readonly restarting: boolean;
  /** The studio's connection, as told; a lost studio is no reason to connect anew. */
  readonly studioLost: boolean;
  readonly endedAt: number | null;
  readonly error: ErrorCode | null;
}

export type ScreenEvent =
  | { type: 'told'; watch: Watch }
  | { type: 'unreachable'; code: 'E-41' | 'E-42'; retryAfter: number | null }
  | { type: 'refused'; code: ErrorCode }
  | { type: 'lecture'; lecture: string; state: BroadcastState }
  | { type: 'hello'; boot: string; lecture: string | null; state: BroadcastState | null }
  | { type: 'line'; up: boolean }
  | { type: 'studio'; lost: boolean }
  | { type: 'connected' } // the media connection stands
  | { type: 'picture' } // frames are being shown; repeated every second
  | { type: 'silent'; seconds: number; reachable: boolean } // no packets; `reachable`: ICE checks still pass
  | { type: 'stuck'; seconds: number } // packets, but no frames
  | { type: 'closed' } // the server, or the network, ended the media connection
  | { type: 'undialed'; retryAfter: number | null; code: ErrorCode | null } // WHEP was answered no, or not at all
  | { type: 'restarting'; seconds: number }
  | { type: 'replaced' }
  | { type: 'nudge' } // the network is back, the page is visible again
  | { type: 'touch' } // somebody touched the button of a slate
  | { type: 'late' } // the time of `fallAt` has come
  | { type: 'probe' } // the time of `climbAt` has come
  | { type: 'backup'; seconds: number } // since the backup line's picture moved; 0: it moves. Repeated every second
  | { type: 'backup-lost'; gone: boolean } // it gave up; `gone`: the server says that the lecture was stopped
  | { type: 'rewind' } // somebody touched 从头看
  | { type: 'to-live' } // somebody touched 回到直播
  | { type: 'unwound' } // the server took the rewound picture away
  | { type: 'due' }; // the time of `askAt` has come

export type EventName = ScreenEvent['type'];

export type Order =
  | { do: 'ask' }
  | { do: 'dial'; url: string; token: string }
  | { do: 'hang-up' }
  | { do: 'reattach' }
  | { do: 'fall'; url: string }
  | { do: 'leave-backup' }
  | { do: 'rewind'; url: string }
  | { do: 'unwind' }
  | { do: 'listen'; lecture: string; token: string };

export interface Context {
  readonly now: number;
  /** A number in [0, 1). */
  readonly random: number;
}

export interface Step {
  readonly model: Model;
  readonly orders: readonly Order[];
}

export const START: Model = {
  phase: 'asking',
  watch: null,
  path: 'webrtc',
  backup: false,
  fallAt: null,
  climbAt: null,
  proven: false,
  unplayable: false,
  peer: 'none',
  movingSince: null,
  line: false,
  asking: false,
  stale: false,
  askAt: 0,
  misses: 0,
  missed: 'E-41',
  dials: 0,
  reattached: false,
  restarting: false,
  studioLost: false,
  endedAt: null,
  error: null,
};
