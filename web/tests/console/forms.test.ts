import { describe, expect, it } from 'vitest';
import type { NewEvent, School } from '../../src/shared/directory';
import type { Lecture } from '../../src/shared/types';
import { Problem } from '../../src/shared/problem';
import { effect, order, possible } from '../../src/console/state/effects';
import { shown, todos } from '../../src/console/state/overview';
import { faults, merge } from '../../src/console/state/faults';
import { sorted } from '../../src/console/state/sorted';
import { schoolYear, today } from '../../src/console/state/today';

describe('a refused form', () => {
  const refused = (code: string, errors: unknown): Problem => new Problem(422, code, { errors });

  it('says at each field what is wrong with it', () => {
    const problem = refused('invalid', [
      { field: 'name', reason: 'string_too_short' },
      { field: 'note', reason: 'string_too_long' },
      { field: 'kind', reason: 'value_error' },
    ]);
    expect(faults(problem, ['name', 'note', 'kind'])).toEqual([
      { field: 'name', reason: 'missing' },
      { field: 'note', reason: 'long' },
      { field: 'kind', reason: 'wrong' },
    ]);
    expect(faults(refused('code_taken', [{ field: 'code', reason: 'value_error' }]), ['code'])).toEqual([{ field: 'code', reason: 'code' }]);
  });

  it('leaves to the whole form what is about no field of it', () => {
    expect(faults(refused('invalid', [{ field: 'elsewhere', reason: 'missing' }]), ['name'])).toEqual([]);
    expect(faults(new Problem(409, 'school_closed'), ['name'])).toEqual([]);
  });
});

describe('a lost race', () => {
  it('keeps what was typed, takes what was not, and tells what changed', () => {
    const before = { name: '一小', kind: '21', urban_rural: '' };
    const now = { name: '第一小学', kind: '21', urban_rural: '111' };
    const { values, changed } = merge(before, now, { name: '县一小', kind: '21', urban_rural: '' });
    expect(values).toEqual({ name: '县一小', kind: '21', urban_rural: '111' });
    expect(changed).toEqual([
      { field: 'name', before: '一小', after: '第一小学' },
      { field: 'urban_rural', before: '', after: '111' },
    ]);
  });
});

describe('events of a school', () => {
  const school = (more: Partial<School>): School => ({ closed_on: null, successor: null, ...more }) as School;
  const event: Required<NewEvent> = { kind: 'merged', on: '2026-09-01', into: '2152000001', region: '522301', code: '', name: 'x', classes: 'close', note: ' ' };

  it('are those that its state allows, moving only from above', () => {
    expect(possible(school({}), true)).toEqual(['renamed', 'moved', 'recoded', 'merged', 'closed']);
    expect(possible(school({}), false)).not.toContain('moved');
    expect(possible(school({ closed_on: '2026-01-01' }), true)).toEqual(['reopened']);
    expect(possible(school({ closed_on: '2026-01-01', successor: '2152000001' }), true)).toEqual([]);
  });

  it('send what they need and nothing else', () => {
    expect(order(event)).toEqual({ kind: 'merged', on: '2026-09-01', into: '2152000001', classes: 'close' });
    expect(order({ ...event, kind: 'closed', note: ' 并校 ' })).toEqual({ kind: 'closed', on: '2026-09-01', note: '并校' });
  });

  it('say what they do', () => {
    expect([effect(event), effect({ ...event, classes: 'move' }), effect({ kind: 'closed' })]).toEqual(['effect.dissolved', 'effect.merged', 'effect.closed']);
  });
});

describe('days', () => {
  it('are those of Asia/Shanghai, a school year begins in September', () => {
    expect(today(new Date('2026-08-31T16:30:00Z'))).toBe('2026-09-01');
    expect(['2026-08-31', '2026-09-01', '2027-01-10'].map(schoolYear)).toEqual([2025, 2026, 2026]);
  });
});

describe('a short list', () => {
  it('is ordered like a long one', () => {
    const items = [{ n: 2 }, { n: 3 }, { n: 1 }];
    expect(sorted(items, '-n').map((one) => one.n)).toEqual([3, 2, 1]);
    expect(sorted(items, 'n').map((one) => one.n)).toEqual([1, 2, 3]);
    expect(sorted(items, '')).toEqual(items);
  });
});

describe('the overview', () => {
  const lecture = (id: string, state: string, at: string): Lecture => ({ id, state, scheduled_at: at, minutes: 40 }) as Lecture;
  const NOW = Date.parse('2026-11-28T02:00:00Z');

  it('shows what is on air before what is open, and what comes by its hour', () => {
    const found = shown(
      [
        lecture('open', 'open', '2026-11-28T02:10:00Z'),
        lecture('live', 'live', '2026-11-28T01:30:00Z'),
        lecture('late', 'scheduled', '2026-11-29T02:00:00Z'),
        lecture('soon', 'scheduled', '2026-11-28T03:00:00Z'),
        lecture('missed', 'scheduled', '2026-11-28T00:00:00Z'),
        lecture('over', 'ended', '2026-11-28T01:00:00Z'),
      ],
      NOW,
    );
    expect(found.running?.id).toBe('live');
    expect(found.coming.map((one) => one.id)).toEqual(['soon', 'late']);
  });

  it('says the first thing first, and only what the person may do', () => {
    const none = { schools: 0, classes: 0, pupils: 0, screens: 0 };
    const all = (): boolean => true;
    expect(todos(none, 0, all).map((one) => one.key)).toEqual(['schools', 'lectures']);
    expect(todos({ ...none, schools: 1 }, 1, all).map((one) => one.key)).toEqual(['classes']);
    expect(todos({ ...none, schools: 1, classes: 1 }, 1, all).map((one) => one.key)).toEqual(['screens']);
    expect(todos(none, 0, () => false)).toEqual([]);
    expect(todos(null, 1, all)).toEqual([]);
    expect(todos(null, 1, all, 3)).toEqual([{ key: 'corrections', page: 'corrections', count: 3, query: { state: 'requested' } }]);
    expect(todos(null, 1, () => false, 3)).toEqual([]);
  });
});
