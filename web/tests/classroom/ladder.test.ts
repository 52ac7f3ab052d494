import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/classroom/model';
import { project } from '../../src/classroom/view';
import { answer, Driver, fallen, HLS, live, NOTHING } from './driver';

const recorded = { hls_url: HLS };
const view = (model: Model) => project(model, { entered: true, sound: 'on', now: 0 });

describe('going down to the backup line', () => {
  it('happens five seconds after media was wanted where UDP is blocked after the candidates', () => {
    // The answer came, the candidates are known, no check passes: there is nothing but silence.
    const d = new Driver().told('live', recorded);
    expect([d.model.peer, d.did('dial')]).toEqual(['dialing', 1]);
    expect(d.pass(4.9).did('fall')).toBe(0);
    d.pass(0.2);
    expect(d.orders.slice(-2)).toEqual([{ do: 'hang-up' }, { do: 'fall', url: HLS }]);
    expect([d.model.phase, d.model.path, d.model.peer]).toEqual(['joining', 'hls', 'none']);
    expect(view(d.model).slate?.next).toEqual({ word: 'switching.next' });
    d.tell({ type: 'backup', seconds: 0 });
    expect([d.model.phase, view(d.model).path, view(d.model).slate]).toEqual(['live', 'hls', null]);
  });

  it('happens five seconds after media was wanted where the answer arrives and media never does', () => {
    const d = new Driver().told('live', recorded).tell({ type: 'connected' });
    for (const seconds of [2, 3, 4]) d.pass(1).tell({ type: 'silent', seconds, reachable: true });
    expect([d.model.path, d.did('fall')]).toEqual(['webrtc', 0]);
    d.pass(2.1);
    expect([d.model.path, d.did('fall'), d.did('hang-up')]).toEqual(['hls', 1, 1]);
  });

  it('counts from the wish, not from the last try that was refused', () => {
    const d = new Driver(0).told('live', recorded);
    for (let i = 0; i < 4; i += 1) d.pass(1).tell({ type: 'undialed', retryAfter: null, code: null }).told('live', recorded);
    expect(d.did('fall')).toBe(0);
    expect(d.pass(1.1).did('fall')).toBe(1);
  });

  it('happens at once where browser and lecture have no codec in common, and stays', () => {
    const d = new Driver().told('live', recorded).tell({ type: 'undialed', retryAfter: null, code: 'E-22' });
    expect([d.did('fall'), d.model.error]).toEqual([1, null]);
    d.tell({ type: 'backup', seconds: 0 }).forget().pass(600);
    expect(d.did('dial')).toBe(0);
    const bare = new Driver().told('live').tell({ type: 'undialed', retryAfter: null, code: 'E-22' });
    expect([bare.model.phase, bare.model.error]).toEqual(['error', 'E-22']);
  });

  it('happens after a picture was there, too', () => {
    const d = new Driver(0).told('live', recorded).tell({ type: 'connected' }, { type: 'picture' }).tell({ type: 'closed' });
    expect(d.model.phase).toBe('reconnecting');
    d.told('live', recorded);
    expect(d.pass(5.1).did('fall')).toBe(1);
  });

  it('waits for nothing that cannot come: no recording, a lost studio, a server that restarts, no wish for a picture', () => {
    expect(new Driver().told('live').pass(30).did('fall')).toBe(0);
    expect(new Driver().told('open', recorded).pass(30).did('fall')).toBe(0);
    const lost = live().told('live', recorded).tell({ type: 'studio', lost: true }, { type: 'silent', seconds: 2, reachable: true });
    expect(lost.pass(30).did('fall')).toBe(0);
    expect(lost.tell({ type: 'studio', lost: false }).pass(5).did('fall')).toBe(1);
  });
});

describe('coming back up', () => {
  it('tries after thirty healthy seconds and then every one to two minutes, and the picture never stops', () => {
    for (const random of [0, 0.999]) {
      const d = fallen(random);
      expect(d.pass(29.9).did('dial')).toBe(0);
      d.pass(30.1);
      expect([d.did('dial'), d.model.phase, d.model.path, d.model.backup]).toEqual([1, 'live', 'hls', true]);
      for (let i = 2; i < 5; i += 1) {
        d.tell({ type: 'undialed', retryAfter: null, code: null }, { type: 'backup', seconds: 0 });
        expect(d.pass(59.9).did('dial')).toBe(i - 1);
        expect(d.pass(60.1).did('dial')).toBe(i);
      }
      expect([d.did('leave-backup'), d.did('fall'), d.did('ask')]).toEqual([0, 0, 0]);
    }
  });

  it('comes soon where WebRTC has worked before, and as late as ever when that trial fails', () => {
    const d = new Driver(0).told('live', recorded).tell({ type: 'connected' }, { type: 'picture' }, { type: 'closed' });
    d.told('live', recorded).pass(5.1).tell({ type: 'backup', seconds: 0 });
    const before = d.did('dial');
    expect([d.model.path, d.pass(3.9).did('dial')]).toEqual(['hls', before]);
    expect(d.pass(0.2).did('dial')).toBe(before + 1);
    d.tell({ type: 'undialed', retryAfter: null, code: null }, { type: 'backup', seconds: 0 });
    expect(d.pass(59.8).did('dial')).toBe(before + 1);
    d.tell({ type: 'backup', seconds: 3 }, { type: 'backup', seconds: 0 });
    expect(d.pass(29).did('dial')).toBe(before + 1);
  });

  it('takes over with the first frame, not with the connection', () => {
    const d = fallen(0).pass(31).tell({ type: 'connected' });
    expect([d.model.path, d.did('leave-backup')]).toEqual(['hls', 0]);
    d.tell({ type: 'picture' });
    expect([d.model.path, d.model.peer, d.model.backup, d.model.phase]).toEqual(['webrtc', 'up', false, 'live']);
    expect(d.orders.at(-1)).toEqual({ do: 'leave-backup' });
  });

  it('gives a trial up that connects and brings nothing', () => {
    const d = fallen(0).pass(31).tell({ type: 'connected' }, { type: 'silent', seconds: 5, reachable: true });
    expect([d.did('hang-up'), d.model.peer, d.model.phase]).toEqual([1, 'none', 'live']);
    expect(d.model.climbAt).toBe(d.now + 60_000);
  });

  it('begins its thirty seconds anew after a stall', () => {
    const d = fallen(0).pass(25).tell({ type: 'backup', seconds: 3 }, { type: 'backup', seconds: 0 });
    expect(d.pass(29).did('dial')).toBe(0);
    expect(d.pass(2).did('dial')).toBe(1);
  });
});

describe('the backup line', () => {
  it('is left for the top of the ladder when it stands still or gives up', () => {
    const still = fallen(0).tell({ type: 'backup', seconds: 3 });
    expect([still.model.phase, still.model.backup]).toEqual(['reconnecting', true]);
    still.told('live', recorded).tell({ type: 'backup', seconds: 8 });
    expect([still.model.path, still.model.backup, still.did('leave-backup')]).toEqual(['webrtc', false, 1]);
    expect(still.told('live', recorded).did('dial')).toBe(1);
    const failed = fallen(0).tell({ type: 'backup-lost', gone: false });
    expect([failed.model.phase, failed.model.path, failed.did('leave-backup')]).toEqual(['reconnecting', 'webrtc', 1]);
  });

  it('pauses longer and longer when neither path brings anything', () => {
    const d = new Driver(0.999).told('live', recorded);
    const waits: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      d.pass(5.1).tell({ type: 'backup-lost', gone: false });
      waits.push((d.model.askAt ?? 0) - d.now);
      d.pass(15.1).tell({ type: 'told', watch: answer('live', recorded) });
    }
    // As far apart as the polls of a screen without news, which go on meanwhile.
    expect(waits[0]).toBeLessThan(2100);
    for (const wait of waits.slice(2)) expect(wait).toBeGreaterThan(5000);
  });

  it('is emptied at once by a cut, however it is learnt', () => {
    const told = fallen().tell({ type: 'lecture', lecture: 'L1', state: 'cut' });
    expect([told.model.phase, told.orders]).toEqual(['cut', [{ do: 'leave-backup' }]]);
    const gone = fallen(0.999).tell({ type: 'backup-lost', gone: true });
    expect([gone.model.backup, gone.did('leave-backup')]).toEqual([false, 1]);
    expect(gone.pass(0.25).did('ask')).toBe(1);
    expect(gone.tell({ type: 'told', watch: answer('cut') }).model.phase).toBe('cut');
  });

  it('does not go on under the slate of a pause, and is back without five seconds of waiting', () => {
    const d = fallen(0).tell({ type: 'lecture', lecture: 'L1', state: 'paused' });
    expect([d.model.phase, d.did('leave-backup')]).toEqual(['paused', 1]);
    d.tell({ type: 'lecture', lecture: 'L1', state: 'live' }).pass(0).tell({ type: 'told', watch: answer('live', recorded) });
    expect([d.did('fall'), d.did('dial')]).toEqual([1, 0]);
  });

  it('goes on through a question that fails, and is asked for anew with another lecture', () => {
    const d = fallen().tell({ type: 'nudge' }, { type: 'line', up: false }, { type: 'unreachable', code: 'E-41', retryAfter: null });
    expect([d.model.phase, d.model.backup]).toEqual(['live', true]);
    d.tell({ type: 'due' }, { type: 'told', watch: answer('live', { ...recorded, lecture_id: 'L2' }) });
    expect([d.model.path, d.did('leave-backup'), d.did('dial')]).toEqual(['webrtc', 1, 1]);
  });
});

describe('rewinding', () => {
  const watching = (random?: number): Driver =>
    new Driver(random).told('live', recorded).tell({ type: 'connected' }, { type: 'picture' }).forget();

  it('hangs the live picture up, begins at the first second, and comes back by the same path', () => {
    expect(view(watching().model).rewindable).toBe(true);
    expect(view(live().model).rewindable).toBe(false);
    const d = watching().tell({ type: 'rewind' });
    expect(d.orders).toEqual([{ do: 'hang-up' }, { do: 'rewind', url: `${HLS}?rewind=1` }]);
    expect([d.model.phase, view(d.model).path, view(d.model).state]).toEqual(['rewinding', 'rewind', 'rewinding']);
    d.forget().tell({ type: 'to-live' });
    expect(d.orders.map((order) => order.do)).toEqual(['unwind', 'dial']);
    expect(d.tell({ type: 'connected' }, { type: 'picture' }).model.phase).toBe('live');
    const low = fallen().tell({ type: 'rewind' }).forget().tell({ type: 'to-live' });
    expect(low.orders.map((order) => order.do)).toEqual(['unwind', 'fall']);
  });

  it('goes on through a pause, a restart of the server and questions, without a connection', () => {
    const d = watching().tell({ type: 'rewind' }, { type: 'lecture', lecture: 'L1', state: 'paused' }).forget();
    d.told('paused', recorded).told('live', { ...recorded, boot_id: 'boot-2' });
    d.tell({ type: 'due' }, { type: 'unreachable', code: 'E-42', retryAfter: null });
    expect([d.model.phase, d.did('unwind'), d.did('dial'), d.did('fall')]).toEqual(['rewinding', 0, 0, 0]);
    expect(d.pass(30).did('ask')).toBeGreaterThan(1);
  });

  it('comes back into a pause as a pause', () => {
    const d = watching().tell({ type: 'rewind' }, { type: 'lecture', lecture: 'L1', state: 'paused' }, { type: 'to-live' });
    expect(d.model.phase).toBe('paused');
  });

  it('ends at once with a cut, with the end, with another lecture, and where the server takes it away', () => {
    for (const state of ['cut', 'ended'] as const) {
      const d = watching().tell({ type: 'rewind' }).forget().tell({ type: 'lecture', lecture: 'L1', state });
      expect([d.model.phase, d.orders]).toEqual([state, [{ do: 'unwind' }]]);
    }
    const other = watching().tell({ type: 'rewind' }).forget().told('live', { ...recorded, lecture_id: 'L2' });
    expect([other.model.phase, other.did('unwind'), other.did('dial')]).toEqual(['joining', 1, 1]);
    expect(watching().tell({ type: 'rewind' }).told('ended', { ...NOTHING }).model.phase).not.toBe('rewinding');
    const taken = watching(0.999).tell({ type: 'rewind' }, { type: 'unwound' }).forget();
    expect([taken.model.phase, taken.pass(0.25).did('ask')]).toEqual(['reconnecting', 1]);
  });
});
