import { describe, expect, it } from 'vitest';
import { courseOf } from '../../src/classroom/make-up';
import type { MakeUp } from '../../src/shared/make-up';

const due: MakeUp = { due: true, done: false, seen_minutes: 10, needed_minutes: 36, on_air_minutes: 45, unseen_s: 600, until: null, speed: 1.25 };

describe('what a class has to make up', () => {
  it('is the course of the player', () => {
    expect(courseOf(due)).toEqual({ farthestS: 600, maxRate: 1.25, seen: 10, needed: 36, done: false });
  });

  it('restricts nobody who has nothing to make up', () => {
    expect(courseOf({ ...due, due: false })).toBeNull();
  });

  it('is told as done, and any place may be looked at again', () => {
    const done = courseOf({ ...due, due: false, done: true });
    expect(done).toMatchObject({ done: true });
    expect(done?.farthestS).toBeGreaterThan(100_000);
  });
});
