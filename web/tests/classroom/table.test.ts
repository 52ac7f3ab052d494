import { describe, expect, it } from 'vitest';
import { nextTimer } from '../../src/classroom/ladder';
import { step, TABLE } from '../../src/classroom/machine';
import { PHASES, type Phase, type ScreenEvent } from '../../src/classroom/model';
import { answer, Driver, fallen, HLS, live, NOTHING } from './driver';

/** A model in every phase, reached the way it is reached in a classroom. */
const REACHED: Record<Phase, () => Driver> = {
  asking: () => new Driver(),
  unscheduled: () => new Driver().tell({ type: 'due' }, { type: 'told', watch: NOTHING }),
  waiting: () => new Driver().told('open').tell({ type: 'connected' }),
  joining: () => new Driver().told('live').tell({ type: 'connected' }),
  live: () => live(),
  paused: () => live().told('paused'),
  cut: () => live().told('cut'),
  ended: () => live().told('ended'),
  rewinding: () => new Driver().told('live', { hls_url: HLS }).tell({ type: 'connected' }, { type: 'picture' }, { type: 'rewind' }),
  reconnecting: () => live().tell({ type: 'closed' }),
  error: () => live().tell({ type: 'due' }, { type: 'refused', code: 'E-13' }),
};

/** The same phases where the picture comes by the backup line, with and without a trial of WebRTC behind it. */
const FALLEN: Partial<Record<Phase, (() => Driver)[]>> = {
  joining: [() => new Driver().told('live', { hls_url: HLS }).pass(5)],
  live: [() => fallen(), () => fallen().pass(50).tell({ type: 'connected' })],
  reconnecting: [() => fallen().tell({ type: 'backup', seconds: 3 })],
  paused: [() => fallen().told('paused', { hls_url: HLS })],
  cut: [() => fallen().tell({ type: 'lecture', lecture: 'L1', state: 'cut' })],
  rewinding: [() => fallen().tell({ type: 'rewind' })],
};

const EVENTS: ScreenEvent[] = [
  ...(['scheduled', 'open', 'live', 'paused', 'cut', 'ended', 'archived'] as const).map(
    (state): ScreenEvent => ({ type: 'told', watch: answer(state) }),
  ),
  { type: 'told', watch: NOTHING },
  { type: 'told', watch: answer('live', { boot_id: 'boot-2' }) },
  { type: 'unreachable', code: 'E-41', retryAfter: null },
  { type: 'refused', code: 'E-13' },
  { type: 'lecture', lecture: 'L1', state: 'cut' },
  { type: 'lecture', lecture: 'L1', state: 'live' },
  { type: 'lecture', lecture: 'L2', state: 'open' },
  { type: 'hello', boot: 'boot-1', lecture: 'L1', state: 'paused' },
  { type: 'hello', boot: 'boot-2', lecture: null, state: null },
  { type: 'line', up: true },
  { type: 'line', up: false },
  { type: 'studio', lost: true },
  { type: 'connected' },
  { type: 'picture' },
  { type: 'silent', seconds: 2, reachable: true },
  { type: 'silent', seconds: 30, reachable: false },
  { type: 'stuck', seconds: 3 },
  { type: 'stuck', seconds: 30 },
  { type: 'closed' },
  { type: 'undialed', retryAfter: 3, code: null },
  { type: 'undialed', retryAfter: null, code: 'E-22' },
  { type: 'restarting', seconds: 5 },
  { type: 'replaced' },
  { type: 'nudge' },
  { type: 'touch' },
  { type: 'due' },
  { type: 'late' },
  { type: 'probe' },
  { type: 'backup', seconds: 0 },
  { type: 'backup', seconds: 3 },
  { type: 'backup', seconds: 8 },
  { type: 'backup-lost', gone: true },
  { type: 'backup-lost', gone: false },
  { type: 'rewind' },
  { type: 'to-live' },
  { type: 'unwound' },
];

describe('every phase and every event', () => {
  it('are all in the lists of this test', () => {
    expect(Object.keys(REACHED).sort()).toEqual([...PHASES].sort());
    expect(new Set(EVENTS.map((event) => event.type))).toEqual(new Set(Object.keys(TABLE.live)));
    for (const phase of PHASES) expect(REACHED[phase]().model.phase).toBe(phase);
  });

  const places = PHASES.flatMap((phase) => [REACHED[phase], ...(FALLEN[phase] ?? [])].map((reach, way) => [phase, way, reach] as const));
  const cells = places.flatMap(([phase, way, reach]) => EVENTS.map((event, i) => [phase, way, event.type, i, event, reach] as const));

  it.each(cells)('%s (%i) × %s (%i) keeps the rules', (phase, _way, _name, _i, event, reach) => {
    const driver = reach();
    expect(driver.model.phase).toBe(phase);
    driver.now += 20_000;
    const before = driver.model;
    driver.forget().tell(event);
    const { model, orders } = driver;
    // Rule 2: at most one question under way.
    if (before.asking) expect(driver.did('ask')).toBe(0);
    expect(driver.did('ask')).toBeLessThanOrEqual(1);
    // Rule 3: no media connection where no picture is wanted.
    if (['asking', 'unscheduled', 'cut', 'ended', 'error', 'rewinding'].includes(model.phase)) {
      expect([model.peer, model.backup]).toEqual(['none', false]);
    }
    // What runs without a picture being wanted would be heard under the slate.
    if (model.backup) expect([model.path, ['joining', 'live', 'reconnecting'].includes(model.phase)]).toEqual(['hls', true]);
    if (before.backup && !model.backup) expect(orders).toContainEqual({ do: 'leave-backup' });
    if (before.phase === 'rewinding' && model.phase !== 'rewinding') expect(orders).toContainEqual({ do: 'unwind' });
    if (before.peer !== 'none' && model.peer === 'none' && event.type !== 'closed' && event.type !== 'undialed') {
      expect(orders).toContainEqual({ do: 'hang-up' });
    }
    // A picture without a connection is an old one.
    if (model.phase === 'live') expect(model.path === 'hls' ? model.backup : model.peer === 'up').toBe(true);
    // Rule 4: nothing is stuck for ever.
    const moving = model.phase === 'live' && model.movingSince !== null;
    const alive = moving || model.asking || nextTimer(model) !== null || model.error === 'E-31';
    expect(alive).toBe(true);
    // A step is pure: the same arguments give the same step.
    expect(step(before, event, { now: driver.now, random: driver.random }).model).toEqual(model);
  });
});
