import { describe, expect, it } from 'vitest';
import { Monotone, Pacer, SourceClock } from '../../src/studio/compositor/pacing';

/** Runs a source of `fps` and a timer of 10 ms for a second; returns when frames went out. */
function run(pacer: Pacer, fps: number | null, jitter: (n: number) => number = () => 0): number[] {
  const sent: number[] = [];
  let frame = 0;
  for (let now = 0; now < 1000; now += 1) {
    const frameAt = fps === null ? Number.POSITIVE_INFINITY : (frame * 1000) / fps + jitter(frame);
    let emit = false;
    if (now >= frameAt) {
      emit = pacer.arrived(true, now);
      frame += 1;
    }
    emit ||= now % 10 === 0 && pacer.due(now);
    if (emit) {
      pacer.sent(now);
      sent.push(now);
    }
  }
  return sent;
}

describe('pacing', () => {
  it('passes every frame of a 30 fps camera, also when they come unevenly', () => {
    expect(run(new Pacer(30), 30)).toHaveLength(30);
    expect(run(new Pacer(30), 30, (n) => (n * 7) % 8)).toHaveLength(30);
  });

  it('takes every second frame of a 30 fps camera in a 15 fps scene', () => {
    expect(run(new Pacer(15), 30)).toHaveLength(15);
  });

  it('sends the last picture again at least ten times a second when nothing moves', () => {
    const sent = run(new Pacer(15), null);
    expect(sent.length).toBeGreaterThanOrEqual(10);
    const gaps = sent.slice(1).map((at, n) => at - (sent[n] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100);
  });

  it('does not repeat pictures of a source that runs', () => {
    const gaps = run(new Pacer(30), 20).map((at, n, all) => at - (all[n - 1] ?? -50));
    expect(Math.min(...gaps.slice(1))).toBeGreaterThanOrEqual(49);
  });

  it('lets a source that does not lead wait for the timer', () => {
    const pacer = new Pacer(15);
    pacer.sent(0);
    expect(pacer.arrived(false, 70)).toBe(false);
    expect(pacer.due(110)).toBe(true);
  });
});

describe('clocks', () => {
  it('places a source by its smallest delay and so keeps its pace', () => {
    const clock = new SourceClock();
    const delays = [12, 5, 9, 30, 6];
    const placed = delays.map((delay, n) => clock.place(n * 33_000, n * 33 + delay));
    expect(placed[1]).toBe(33_000 + 5_000);
    const [a = 0, b = 0] = placed.slice(3);
    expect(Math.abs(b - a - 33_000)).toBeLessThan(50);
  });

  it('never places a frame after it arrived', () => {
    const clock = new SourceClock();
    for (let n = 0; n < 500; n += 1) {
      const now = n * 33 + ((n * 13) % 20);
      expect(clock.place(n * 33_000, now)).toBeLessThanOrEqual(now * 1000);
    }
  });

  it('follows a source whose clock jumped', () => {
    const clock = new SourceClock();
    clock.place(0, 0);
    expect(clock.place(1_000_000, 5000)).toBe(5_000_000);
  });

  it('gives times that always grow', () => {
    const times = new Monotone();
    expect([5.4, 5.4, 3, 10].map((value) => times.next(value))).toEqual([5, 6, 7, 10]);
  });
});
