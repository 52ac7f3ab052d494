import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../src/shared/problem';
import type { WhipSession } from '../../src/shared/whip';
import { Link, type LinkState } from '../../src/studio/publish/link';

/** A connection as the link sees one. */
class Peer extends EventTarget {
  connectionState = 'connected';
  iceConnectionState = 'connected';
  getSenders = (): never[] => [];
  getReceivers = (): never[] => [];

  become(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}

interface Made extends WhipSession {
  peer: Peer;
  closed: string[];
}

function session(id: string, restart: () => Promise<void> = () => Promise.reject(new Problem(404, 'not_found'))): Made {
  const peer = new Peer();
  const closed: string[] = [];
  const close: WhipSession['close'] = (options) => void closed.push(options?.remote === false ? 'here' : 'both');
  return { id, pc: peer as unknown as RTCPeerConnection, peer, closed, restart, close };
}

describe('the link', () => {
  let states: LinkState[];
  let waits: number[];
  let outcomes: (Made | Problem)[];
  let verdicts: ('again' | 'stop')[];
  let link: Link;

  beforeEach(() => {
    vi.stubGlobal('window', globalThis);
    [states, waits, outcomes, verdicts] = [[], [], [], []];
    link = new Link({
      open: () => {
        const outcome = outcomes.shift() ?? new Problem(0, 'offline');
        return outcome instanceof Problem ? Promise.reject(outcome) : Promise.resolve(outcome);
      },
      verdict: () => Promise.resolve(verdicts.shift() ?? 'stop'),
      changed: (state) => states.push(state),
      wait: (seconds) => Promise.resolve(void waits.push(seconds)),
      random: () => 0,
    });
  });

  it('tells a first attempt that fails', async () => {
    outcomes = [new Problem(409, 'publisher_busy')];
    await expect(link.start()).rejects.toThrow('publisher_busy');
    expect(states).toEqual(['connecting', 'idle']);
  });

  it('makes the new session before it breaks the old one, and leaves that to the server', async () => {
    const [first, second] = [session('a'), session('b')];
    outcomes = [first, second];
    await link.start();
    await link.recover();
    expect(link.current).toBe(second);
    expect(first.closed).toEqual(['here']);
    expect([...link.mine]).toEqual(['a', 'b']);
    expect(states).toEqual(['connecting', 'up', 'down', 'up']);
  });

  it('keeps a session that survives by an ICE restart', async () => {
    const first = session('a', () => Promise.resolve());
    outcomes = [first];
    await link.start();
    await link.recover();
    expect(link.current).toBe(first);
    expect(states.at(-1)).toBe('up');
  });

  it('climbs the ladder for as long as the verdict is to try again', async () => {
    outcomes = [session('a'), new Problem(0, 'offline'), new Problem(503, 'busy', {}, 3), session('b')];
    verdicts = ['again', 'again'];
    await link.start();
    await link.recover();
    expect(waits).toEqual([0, 0.3, 3]);
    expect(link.current?.id).toBe('b');
  });

  it('stops by verdict', async () => {
    outcomes = [session('a'), new Problem(409, 'cut')];
    await link.start();
    await link.recover();
    expect(link.current).toBeNull();
    expect(states.at(-1)).toBe('idle');
  });

  it('recovers once, however many signs there are', async () => {
    const [first, second] = [session('a'), session('b')];
    outcomes = [first, second];
    await link.start();
    await Promise.all([link.recover(), link.recover(), link.recover()]);
    expect(link.current).toBe(second);
  });

  it('asks for the verdict when the server closes the session', async () => {
    const first = session('a');
    outcomes = [first, session('b')];
    verdicts = ['again'];
    await link.start();
    first.peer.become('failed');
    await vi.waitFor(() => expect(link.current?.id).toBe('b'));
  });

  it('does not come back after it was stopped, except when asked', async () => {
    outcomes = [session('a'), session('b')];
    await link.start();
    link.stop();
    await link.recover();
    expect(link.current).toBeNull();
    await link.again();
    expect(link.current?.id).toBe('b');
  });
});
