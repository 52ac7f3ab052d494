import type { Capability } from '../shared/capability';
import type { Kind, Line, State } from '../shared/lines';

/** What measurements mean, line by line. Pure: nothing is measured here. */

const SLOW_MS = 500;
const CLOCK_S = 60;
/** kb/s: a lecture of 720p with room to breathe, and the least with which it can be watched. */
const FAST = 3000;
const ENOUGH = 1500;

function line(kind: Kind, state: State, code: string, value: number | null = null, detail = ''): Line {
  return { kind, state, code, value: value === null ? null : Math.round(value * 10) / 10, detail };
}

export const untested = (kind: Kind): Line => line(kind, 'skipped', kind === 'sound' ? 'unanswered' : 'untested');

export function judgeEngine(can: Capability): Line {
  const detail = can.engine === '' ? '?' : can.engine;
  if (can.tier === 'T3') return line('engine', 'bad', 't3', null, detail);
  if (can.tier === 'T2') return line('engine', 'limited', 't2', null, detail);
  return can.secure ? line('engine', 'good', 't1', null, detail) : line('engine', 'limited', 'plain_http', null, detail);
}

/** `live` is H.264 with Opus by WebRTC, null where the browser cannot tell; `hls` is H.264 with AAC by MSE. */
export function judgeCodecs({ live, hls }: { live: boolean | null; hls: boolean }): Line {
  if (hls) return live === false ? line('codecs', 'limited', 'no_webrtc') : line('codecs', 'good', 'all');
  return live === true ? line('codecs', 'limited', 'no_hls') : line('codecs', 'bad', 'none');
}

export function judgeServer(roundTripMs: number | null): Line {
  if (roundTripMs === null) return line('server', 'bad', 'unreachable');
  return roundTripMs > SLOW_MS ? line('server', 'limited', 'slow', roundTripMs) : line('server', 'good', 'reached', roundTripMs);
}

export function judgePush({ polling, websocket }: { polling: boolean; websocket: boolean }): Line {
  if (websocket) return line('push', 'good', 'websocket');
  return polling ? line('push', 'limited', 'polling') : line('push', 'limited', 'none');
}

export type Udp = { roundTripMs: number } | { blocked: string } | 'no_webrtc' | 'untested';

export function judgeUdp(found: Udp): Line {
  if (found === 'untested') return untested('udp');
  if (found === 'no_webrtc') return line('udp', 'limited', 'no_webrtc');
  return 'blocked' in found ? line('udp', 'limited', 'blocked', null, found.blocked) : line('udp', 'good', 'connected', found.roundTripMs);
}

/** Speeds in kb/s; null is not measured. */
export function judgeSpeed(down: number | null, up: number | null): Line {
  if (down === null) return untested('bandwidth');
  const detail = up === null ? '?' : (up / 1000).toFixed(1);
  if (down >= FAST) return line('bandwidth', 'good', 'fast', down, detail);
  return down >= ENOUGH ? line('bandwidth', 'limited', 'modest', down, detail) : line('bandwidth', 'bad', 'slow', down, detail);
}

/** Milliseconds since 1970: this machine's in the middle of the question, and the server's. */
export function judgeClock(mine: number, servers: number | null): Line {
  if (servers === null) return untested('clock');
  const seconds = (mine - servers) / 1000;
  const [year, right] = [new Date(mine).getFullYear(), new Date(servers).getFullYear()];
  if (year !== right && Math.abs(seconds) > 86_400) return line('clock', 'limited', 'wrong_year', seconds, String(year));
  if (Math.abs(seconds) <= CLOCK_S) return line('clock', 'good', 'right', seconds);
  return line('clock', 'limited', seconds > 0 ? 'ahead' : 'behind', seconds);
}

export function judgeSound(heard: boolean): Line {
  return heard ? line('sound', 'good', 'heard') : line('sound', 'bad', 'not_heard');
}

const DIGITS: Readonly<Record<State, string>> = { skipped: '0', good: '1', limited: '2', bad: '3' };

/** A code to read out on the telephone: a digit a line, in the order of the page. */
export function spoken(lines: readonly Line[]): string {
  const digits = lines.map(({ state }) => DIGITS[state]).join('');
  return `T-${digits.slice(0, 4)}-${digits.slice(4)}`;
}
