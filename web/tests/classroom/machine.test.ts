import { describe, expect, it } from 'vitest';
import { answer, Driver, live, NOTHING } from './driver';

describe('a lecture from start to end, told by the line', () => {
  it('connects ahead of the start and shows each state as it is told', () => {
    const d = new Driver().told('scheduled');
    expect([d.model.phase, d.model.peer]).toEqual(['waiting', 'none']);
    d.told('open').tell({ type: 'connected' }, { type: 'hello', boot: 'boot-1', lecture: 'L1', state: 'open' });
    expect([d.did('dial'), d.did('listen'), d.model.phase, d.model.line]).toEqual([1, 1, 'waiting', true]);
    d.tell({ type: 'lecture', lecture: 'L1', state: 'live' });
    expect(d.model.phase).toBe('joining');
    d.tell({ type: 'picture' });
    expect([d.model.phase, d.model.askAt]).toEqual(['live', null]);
    d.tell({ type: 'lecture', lecture: 'L1', state: 'paused' }, { type: 'silent', seconds: 2, reachable: true });
    expect([d.model.phase, d.model.peer]).toEqual(['paused', 'up']);
    d.tell({ type: 'lecture', lecture: 'L1', state: 'live' }, { type: 'picture' });
    expect([d.model.phase, d.did('dial'), d.did('hang-up')]).toEqual(['live', 1, 0]);
    d.tell({ type: 'lecture', lecture: 'L1', state: 'ended' });
    expect([d.model.phase, d.model.peer, d.did('hang-up')]).toEqual(['ended', 'none', 1]);
  });

  it('does not take the last frames of a paused picture for its return', () => {
    const d = live().tell({ type: 'hello', boot: 'boot-1', lecture: 'L1', state: 'live' });
    d.tell({ type: 'lecture', lecture: 'L1', state: 'paused' }, { type: 'picture' });
    expect(d.model.phase).toBe('paused');
  });

  it('keeps the farewell for ten minutes when the server has nothing more', () => {
    const d = live().told('ended');
    d.now += 60_000;
    d.tell({ type: 'due' }, { type: 'told', watch: NOTHING });
    expect(d.model.phase).toBe('ended');
    d.now += 600_000;
    d.tell({ type: 'due' }, { type: 'told', watch: NOTHING });
    expect(d.model.phase).toBe('unscheduled');
  });
});

describe('a cut', () => {
  it('is shown at once when the line tells it, and no connection stays', () => {
    const d = live().tell({ type: 'lecture', lecture: 'L1', state: 'cut' });
    expect([d.model.phase, d.model.peer, d.orders]).toEqual(['cut', 'none', [{ do: 'hang-up' }]]);
  });

  it('is found out within 250 ms when only the media connection says good-bye', () => {
    const d = live(0.999).tell({ type: 'closed' });
    expect(d.model.phase).toBe('reconnecting');
    d.pass(0.25);
    expect(d.did('ask')).toBe(1);
    d.tell({ type: 'told', watch: answer('cut') });
    expect(d.model.phase).toBe('cut');
  });

  it('is not undone by an answer that was under way when it was told', () => {
    const d = live().tell({ type: 'due' }, { type: 'lecture', lecture: 'L1', state: 'cut' });
    d.tell({ type: 'told', watch: answer('live') });
    expect([d.model.phase, d.model.askAt, d.did('dial')]).toEqual(['cut', d.now, 0]);
  });

  it('ends with a fresh question when the lecture is resumed', () => {
    const d = live().tell({ type: 'lecture', lecture: 'L1', state: 'cut' }, { type: 'lecture', lecture: 'L1', state: 'live' });
    expect(d.model.phase).toBe('joining');
    d.pass(1.5);
    expect(d.did('ask')).toBe(1);
    d.tell({ type: 'told', watch: answer('live', { token: 'new' }) });
    expect(d.orders).toContainEqual({ do: 'dial', url: '/whep/L1', token: 'new' });
  });

  it('lets no late frame through, neither after the word nor after the good-bye', () => {
    expect(live().told('cut').tell({ type: 'picture' }, { type: 'connected' }).model.phase).toBe('cut');
    const d = live().tell({ type: 'closed' }, { type: 'picture' });
    expect([d.model.phase, d.model.movingSince]).toEqual(['reconnecting', null]);
    expect(d.pass(0.25).did('ask')).toBe(1);
  });
});

describe('coming back', () => {
  it('asks again with growing, capped and jittered pauses while the server is away', () => {
    for (const random of [0, 0.5, 0.999]) {
      const d = live(random).tell({ type: 'closed' }).pass(0.3);
      for (let failures = 1; failures <= 12; failures += 1) {
        d.tell({ type: 'unreachable', code: 'E-41', retryAfter: null });
        const wait = (d.model.askAt ?? 0) - d.now;
        expect(wait).toBeCloseTo(random * Math.min(15_000, 500 * 2 ** failures), 3);
        d.pass(15);
        expect(d.model.asking).toBe(true);
      }
      d.tell({ type: 'told', watch: answer('live') });
      expect([d.did('dial'), d.model.misses]).toEqual([1, 0]);
    }
  });

  it('waits at least as long as the server asks for', () => {
    const d = live(0).tell({ type: 'closed' }, { type: 'due' }, { type: 'unreachable', code: 'E-42', retryAfter: 7 });
    expect((d.model.askAt ?? 0) - d.now).toBe(7000);
    const joined = new Driver(0).told('live').tell({ type: 'undialed', retryAfter: 4, code: null });
    expect((joined.model.askAt ?? 0) - joined.now).toBe(4000);
  });

  it('asks at once when the network is back', () => {
    const d = live().tell({ type: 'closed' }, { type: 'due' }, { type: 'unreachable', code: 'E-41', retryAfter: 60 });
    d.tell({ type: 'nudge' }).pass(0.5);
    expect(d.did('ask')).toBe(2);
  });

  it('spreads over the announced window after a restart, however early the connection breaks', () => {
    for (const random of [0, 0.999]) {
      const d = live(random).tell({ type: 'restarting', seconds: 5 }, { type: 'closed' });
      expect([d.model.phase, (d.model.askAt ?? 0) - d.now]).toEqual(['reconnecting', 1000 + random * 5000]);
    }
  });

  it('connects anew when another process answers, which knows no session of ours', () => {
    const d = live().tell({ type: 'hello', boot: 'boot-2', lecture: 'L1', state: 'live' }).pass(1);
    d.tell({ type: 'told', watch: answer('live', { boot_id: 'boot-2' }) });
    expect(d.orders.map((order) => order.do)).toEqual(['ask', 'hang-up', 'listen', 'dial']);
  });

  it('does not hammer the server when every connection breaks at once', () => {
    const d = live(0.999);
    const waits: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      d.tell({ type: 'closed' });
      waits.push((d.model.askAt ?? 0) - d.now);
      d.pass(15).tell({ type: 'told', watch: answer('live') }, { type: 'connected' }, { type: 'picture' });
    }
    expect(waits[0]).toBeLessThan(250);
    expect(waits[5]).toBeGreaterThan(10_000);
  });

  it('forgets earlier troubles once the picture was steady for ten seconds', () => {
    const d = live(0.999).tell({ type: 'closed' }).pass(1).tell({ type: 'told', watch: answer('live') }, { type: 'connected' }, { type: 'picture' });
    expect(d.model.dials).toBe(2);
    d.now += 10_000;
    expect(d.tell({ type: 'picture' }).model.dials).toBe(0);
  });
});

describe('stalls', () => {
  it('asks when packets stop, and keeps a connection whose path is there', () => {
    const d = live().tell({ type: 'silent', seconds: 2, reachable: true }).pass(0.25);
    expect([d.model.phase, d.did('ask'), d.did('hang-up')]).toEqual(['reconnecting', 1, 0]);
    d.tell({ type: 'told', watch: answer('live') }, { type: 'silent', seconds: 12, reachable: true });
    expect([d.did('dial'), d.did('hang-up')]).toEqual([0, 0]);
    d.tell({ type: 'picture' });
    expect(d.model.phase).toBe('live');
  });

  it('connects anew when the path is gone, or when waiting was in vain', () => {
    for (const event of [
      { type: 'silent', seconds: 5, reachable: false },
      { type: 'silent', seconds: 21, reachable: true },
    ] as const) {
      const d = live().tell({ type: 'silent', seconds: 2, reachable: event.reachable }).told('live').forget().tell(event);
      expect([d.model.peer, d.did('hang-up')]).toEqual(['none', 1]);
      expect(d.pass(1).told('live').did('dial')).toBe(1);
    }
  });

  it('waits for a lost studio instead of connecting anew', () => {
    const d = live().tell({ type: 'studio', lost: true }, { type: 'silent', seconds: 30, reachable: true });
    expect(d.tell({ type: 'silent', seconds: 90, reachable: true }).did('hang-up')).toBe(0);
  });

  it('gives a stuck decoder its tracks anew, once, and then connects anew', () => {
    const d = live().tell({ type: 'stuck', seconds: 3 }, { type: 'stuck', seconds: 4 });
    expect(d.orders).toEqual([{ do: 'reattach' }]);
    d.tell({ type: 'stuck', seconds: 8 });
    expect([d.did('hang-up'), d.model.phase]).toEqual([1, 'reconnecting']);
  });

  it('notices without a line that the picture runs while it was thought paused', () => {
    const d = live().told('paused').tell({ type: 'silent', seconds: 2, reachable: true }).forget();
    d.tell({ type: 'picture' }).pass(0.25);
    expect(d.did('ask')).toBe(1);
    expect(d.tell({ type: 'told', watch: answer('live') }).model.phase).toBe('live');
  });
});

describe('two browsers with one link', () => {
  it('leaves the screen to the newer one and takes it back only when touched', () => {
    const d = live();
    d.now += 60_000;
    d.tell({ type: 'replaced' });
    expect([d.model.phase, d.model.error, d.model.askAt]).toEqual(['error', 'E-31', null]);
    d.tell({ type: 'nudge' }, { type: 'hello', boot: 'boot-1', lecture: 'L1', state: 'live' });
    expect(d.model.askAt).toBeNull();
    expect(d.tell({ type: 'touch' }).told('live').model.phase).toBe('joining');
  });
});

describe('errors', () => {
  it('says the code, hangs up, and tries again by itself', () => {
    const d = live().tell({ type: 'due' }, { type: 'refused', code: 'E-13' });
    expect([d.model.error, d.did('hang-up')]).toEqual(['E-13', 1]);
    expect(d.forget().pass(90).did('ask')).toBe(1);
    expect(d.tell({ type: 'told', watch: answer('live') }).model.error).toBeNull();
  });

  it('keeps the picture when only a question fails', () => {
    const d = live().tell({ type: 'due' }, { type: 'unreachable', code: 'E-42', retryAfter: null });
    expect([d.model.phase, d.model.peer]).toEqual(['live', 'up']);
  });
});
