import { describe, expect, it } from 'vitest';
import { backoff, notBefore } from '../../src/classroom/backoff';
import { countdown, serverNow, timeOf } from '../../src/classroom/clock';
import { ERROR_CODES } from '../../src/classroom/codes';
import { identify, type Store } from '../../src/classroom/identity';
import { PHASES, START, type Model } from '../../src/classroom/model';
import { SHAPES } from '../../src/classroom/shapes';
import { born, count, examine, type Sample, type Vitals } from '../../src/classroom/vitals';
import { project } from '../../src/classroom/view';
import { nextOf, reasonOf, WORDS } from '../../src/classroom/words';

describe('back-off', () => {
  it('is full jitter under a ceiling that doubles up to 15 s', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 40].map((n) => backoff(n, 1))).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    expect(backoff(5, 0)).toBe(0);
    expect([notBefore(null, 0.5), notBefore(4, 0), notBefore(4, 1)]).toEqual([0, 4000, 6000]);
  });
});

describe('the clock', () => {
  it('counts by the server, not by the machine', () => {
    const clock = { serverMs: Date.parse('2026-11-23T06:00:00Z'), atMs: 5000 };
    expect(timeOf(serverNow(clock, 65_000))).toBe('14:01');
  });

  it('counts down in digits within a day, by date before, and not at all when it is time', () => {
    const at = Date.parse('2026-11-23T06:05:00Z');
    expect(countdown(at, at - 299_500)).toEqual({ digits: '05:00' });
    expect(countdown(at, at - 1)).toEqual({ digits: '00:01' });
    expect(countdown(at, at - 3_661_000)).toEqual({ digits: '1:01:01' });
    expect(countdown(at, at - 3 * 86_400_000)).toEqual({ date: '11-23 14:05' });
    expect(countdown(at, at)).toBeNull();
    expect(countdown(Number.NaN, at)).toBeNull();
  });
});

class Cupboard implements Store {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
}

const forbidden: Store = {
  getItem: () => {
    throw new Error('SecurityError');
  },
  setItem: () => {
    throw new Error('SecurityError');
  },
};

const place = (pathname: string, hash = '', search = ''): { pathname: string; hash: string; search: string } => ({
  pathname,
  hash,
  search,
});

describe('the identity of a screen', () => {
  it('keeps the token under its own id and takes it out of the address', () => {
    const store = new Cupboard();
    const first = identify(place('/class/S1', '#jtd_a', '?lang=en'), store);
    expect(first).toEqual({ who: { screenId: 'S1', token: 'jtd_a' }, cleaned: '/class/S1?lang=en' });
    expect(identify(place('/class/S1'), store).who).toEqual({ screenId: 'S1', token: 'jtd_a' });
    expect(identify(place('/class/S2'), store).who).toBe('E-12');
    identify(place('/class/S1', '#jtd_b'), store);
    expect(identify(place('/class/S1/'), store).who).toEqual({ screenId: 'S1', token: 'jtd_b' });
  });

  it('leaves the token in the address where it cannot be kept', () => {
    for (const store of [null, forbidden]) {
      expect(identify(place('/class/S1', '#jtd_a'), store)).toEqual({
        who: { screenId: 'S1', token: 'jtd_a' },
        cleaned: null,
      });
    }
  });

  it('names an address without a screen, and survives broken escapes', () => {
    expect(identify(place('/class/'), null).who).toBe('E-11');
    expect(identify(place('/class/S%'), null).who).toBe('E-12');
    expect(identify(place('/class/S1', '#%E0%A4%A'), null).who).toEqual({ screenId: 'S1', token: '%E0%A4%A' });
  });
});

/** Feeds samples a second apart; returns what was found out at each. */
function watch(samples: Sample[]): string[] {
  let [vitals, now]: [Vitals, number] = [born(0), 0];
  return samples.map((sample) => {
    now += 1000;
    const finding = examine(vitals, sample, now, 1000);
    vitals = finding.vitals;
    const { event } = finding;
    return event === null ? '-' : event.type === 'silent' || event.type === 'stuck' ? `${event.type} ${String(event.seconds)}` : event.type;
  });
}

const at = (packets: number, frames: number, reachable = true): Sample => ({ packets, frames, reachable });

describe('vitals', () => {
  it('tells a moving picture, silence and a stuck decoder apart', () => {
    expect(watch([at(10, 5), at(20, 10)])).toEqual(['picture', 'picture']);
    expect(watch([at(10, 5), at(10, 5), at(10, 5), at(10, 5)])).toEqual(['picture', '-', 'silent 2', 'silent 3']);
    expect(watch([at(10, 5), at(20, 5), at(30, 5), at(40, 5), at(50, 6)])).toEqual(['picture', '-', '-', 'stuck 3', 'picture']);
    expect(watch([at(0, 0), at(0, 0), at(0, 0, false)])).toEqual(['-', 'silent 2', 'silent 3']);
  });

  it('gives a decoder three seconds from the first packet after a pause', () => {
    const paused = Array.from({ length: 10 }, () => at(10, 5));
    expect(watch([at(10, 5), ...paused, at(20, 5), at(30, 5), at(40, 5), at(50, 5)]).slice(-4)).toEqual(['-', '-', '-', 'stuck 3']);
    expect(watch([at(0, 0), at(9, 0), at(19, 0), at(29, 0), at(39, 0)])[3]).toBe('-');
  });

  it('does not take sleep for a stall', () => {
    const { event } = examine({ ...born(0), packets: 9, frames: 9 }, at(9, 9), 60_000, 60_000);
    expect(event).toBeNull();
  });

  it('reads what old and new browsers count', () => {
    const modern = new Map<string, object>([
      ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: 100 }],
      ['v', { type: 'inbound-rtp', kind: 'video', packetsReceived: 7, framesDecoded: 3 }],
    ]);
    const old = new Map<string, object>([
      ['v', { type: 'inbound-rtp', mediaType: 'video', packetsReceived: 7 }],
      ['t', { type: 'track', framesDecoded: 3 }],
    ]);
    for (const report of [modern, old]) expect(count(report as unknown as RTCStatsReport)).toEqual({ packets: 7, frames: 3 });
  });
});

const model = (more: Partial<Model>): Model => ({ ...START, ...more });
const seat = { entered: false, sound: 'on', now: Date.parse('2026-11-23T06:00:00Z') } as const;

describe('the view', () => {
  it('covers the picture in every phase but live and rewinding', () => {
    for (const phase of PHASES) {
      const view = project(model({ phase, error: 'E-12' }), seat);
      expect(view.slate === null).toBe(phase === 'live' || phase === 'rewinding');
      if (view.slate !== null) expect(SHAPES[view.slate.shape].length).toBeGreaterThan(0);
    }
  });

  it('never lets a picture play silently without saying so', () => {
    for (const sound of ['muted', 'blocked'] as const) {
      expect(project(model({ phase: 'live' }), { ...seat, sound }).soundBar).toBe(sound === 'muted' ? 'sound.muted' : 'sound.open');
      expect(project(model({ phase: 'waiting' }), { ...seat, sound }).soundBar).toBeNull();
    }
    expect(project(model({ phase: 'live' }), seat).soundBar).toBeNull();
  });

  it('offers the big button until somebody has entered', () => {
    expect(project(model({ phase: 'waiting' }), seat).slate?.button).toBe('enter');
    expect(project(model({ phase: 'waiting' }), { ...seat, entered: true }).slate?.button).toBeNull();
  });

  it('tells a code when it has gone on for a while', () => {
    expect(project(model({ phase: 'reconnecting', misses: 1 }), seat).slate?.code).toBeNull();
    expect(project(model({ phase: 'reconnecting', misses: 3 }), seat).slate?.code).toBe('E-41');
    expect(project(model({ phase: 'reconnecting', misses: 3, missed: 'E-42' }), seat).slate?.code).toBe('E-42');
    expect(project(model({ phase: 'reconnecting', dials: 5, peer: 'dialing' }), seat).slate?.code).toBe('E-43');
    expect(project(model({ phase: 'asking', misses: 4 }), seat).state).toBe('reconnecting');
  });
});

describe('the words', () => {
  it('exist in both languages, with the same parameters', () => {
    const [zh, en] = [WORDS['zh-CN'], WORDS.en];
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    const params = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
      expect(params(en[key])).toEqual(params(zh[key]));
      expect(en[key]).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it('give a reason and a next step for every code', () => {
    for (const code of ERROR_CODES) {
      for (const table of Object.values(WORDS)) expect([table[reasonOf(code)], table[nextOf(code)]]).not.toContain(undefined);
    }
  });
});
