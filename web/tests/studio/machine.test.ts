import { describe, expect, it } from 'vitest';
import { accepts, IllegalEvent, next, onAir, TABLE, type Phase, type StudioEvent } from '../../src/studio/state/machine';

const phases = Object.keys(TABLE) as Phase[];

function walk(from: Phase, ...events: StudioEvent[]): Phase {
  return events.reduce(next, from);
}

describe('the studio’s states', () => {
  it('leads from the door to the air and to the end', () => {
    expect(walk('entering', 'entered', 'start', 'connected', 'ended')).toBe('ended');
  });

  it('comes back from a lost connection', () => {
    expect(walk('air', 'link_lost', 'link_lost', 'connected')).toBe('air');
  });

  it('waits for another person and goes on air when allowed', () => {
    expect(walk('check', 'start', 'busy', 'allowed', 'connected')).toBe('air');
    expect(walk('check', 'start', 'busy', 'denied')).toBe('check');
  });

  it('is cut from every phase that a broadcast can be cut in, and resumes by reconnecting', () => {
    for (const phase of ['check', 'starting', 'asking', 'air', 'lost', 'replaced'] as Phase[]) expect(next(phase, 'cut')).toBe('cut');
    expect(walk('cut', 'uncut', 'connected')).toBe('air');
  });

  it('raises on an illegal event', () => {
    expect(() => next('check', 'connected')).toThrow(IllegalEvent);
    expect(() => next('ended', 'start')).toThrow('start is not expected in ended');
  });

  it('never leaves the end', () => {
    expect(Object.keys(TABLE.ended)).toEqual([]);
  });

  it('accepts the end wherever the lecture is known', () => {
    const unknown: Phase[] = ['login', 'refused', 'ended'];
    expect(phases.filter((phase) => !accepts(phase, 'ended'))).toEqual(unknown);
  });

  it('calls only the two phases on air that the classes can see', () => {
    expect(phases.filter(onAir)).toEqual(['air', 'lost']);
  });

  it('reaches every phase', () => {
    const reached = new Set<Phase>(['entering']);
    for (const phase of reached) for (const to of Object.values(TABLE[phase])) reached.add(to);
    expect([...reached].sort()).toEqual([...phases].sort());
  });
});
