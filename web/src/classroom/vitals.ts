import type { ScreenEvent } from './model';

/**
 * Whether a picture moves, read once a second from cumulative counters: what is compared are packets of the
 * picture and decoded frames, so that a hidden page (where nothing is painted) is not taken for a stall. Pure; times in milliseconds.
 *
 *     packets  frames
 *     stop     stop     >= 2 s  silent: studio, server or network
 *     flow     stop     >= 3 s  stuck: the decoder
 *     flow     flow             picture
 */
export interface Sample {
  readonly packets: number;
  readonly frames: number;
  /** Whether the checks of ICE pass: the path is there, whoever is silent on it. */
  readonly reachable: boolean;
}

export interface Vitals {
  readonly packets: number;
  readonly frames: number;
  readonly packetsAt: number;
  readonly framesAt: number;
  /** Seconds in which packets came and no frame did. */
  readonly freezes: number;
}

const SILENT = 2000;
const STUCK = 3000;
/** A check that comes later than this was asleep (a suspended machine): what it measured is not a stall. */
const ASLEEP = 5000;

export function born(now: number): Vitals {
  return { packets: 0, frames: 0, packetsAt: now, framesAt: now, freezes: 0 };
}

export interface Finding {
  readonly vitals: Vitals;
  readonly event: ScreenEvent | null;
}

export function examine(before: Vitals, sample: Sample, now: number, sinceLast: number): Finding {
  const flow = sample.packets > before.packets;
  const moved = sample.frames > before.frames;
  const slept = sinceLast > ASLEEP;
  const vitals: Vitals = {
    packets: sample.packets,
    frames: sample.frames,
    packetsAt: flow || slept ? now : before.packetsAt,
    // A decoder is measured from the first packet that it could not turn into a frame.
    framesAt: moved || slept || before.packets === 0 || now - before.packetsAt >= SILENT ? now : before.framesAt,
    freezes: before.freezes + (flow && !moved && before.frames > 0 ? 1 : 0),
  };
  return { vitals, event: verdict(vitals, moved, sample.reachable, now) };
}

function verdict(vitals: Vitals, moved: boolean, reachable: boolean, now: number): ScreenEvent | null {
  if (moved) return { type: 'picture' };
  const silent = now - vitals.packetsAt;
  if (silent >= SILENT) return { type: 'silent', seconds: silent / 1000, reachable };
  const stuck = now - vitals.framesAt;
  return stuck >= STUCK ? { type: 'stuck', seconds: stuck / 1000 } : null;
}

type Stat = Readonly<Record<string, unknown>>;

const numberOf = (stat: Stat, key: string): number => Number(stat[key] ?? 0);

/**
 * Reads the picture's counters out of `getStats()`. Before Chrome 80 the kind is called `mediaType` and frames are counted on the
 * track.
 */
export function count(report: Pick<RTCStatsReport, 'forEach'>): { packets: number; frames: number } {
  let [packets, frames] = [0, 0];
  report.forEach((stat: Stat) => {
    const picture = (stat['kind'] ?? stat['mediaType']) === 'video';
    if (stat['type'] === 'inbound-rtp' && picture) packets += numberOf(stat, 'packetsReceived');
    if (stat['type'] === 'inbound-rtp' || stat['type'] === 'track') frames = Math.max(frames, numberOf(stat, 'framesDecoded'));
  });
  return { packets, frames };
}
