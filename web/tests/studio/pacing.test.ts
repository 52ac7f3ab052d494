import { describe, expect, it } from 'vitest';
import { Monotone, Pacer, SourceClock, type Pace } from '../../src/studio/compositor/pacing';

const CAMERA: Pace = { fps: 30, steady: true };
const SCREEN: Pace = { fps: 15, steady: false };

/** Runs a source of `fps` and a timer of 10 ms for a second; returns when frames went out. `late` is a frame's delay in ms. */
function run(pace: Pace, fps: number | null, late: (frame: number) => number = () => 0): number[] {
  const pacer = new Pacer(pace);
  const sent: number[] = [];
  const captured = (frame: number): number => (fps === null ? Number.POSITIVE_INFINITY : (frame * 1000) / fps);
  let frame = 0;
  const send = (at: number, now: number): void => {
    pacer.sent(at, now);
    sent.push(now);
  };
  for (let now = 0; now < 1000; now += 1) {
    for (; now >= captured(frame) + late(frame); frame += 1) {
      if (pacer.arrived(true, captured(frame), now)) send(captured(frame), now);
    }
    if (now % 10 === 0 && pacer.due(now)) send(now, now);
  }
  return sent;
}

const gaps = (sent: number[]): number[] => sent.slice(1).map((at, n) => at - (sent[n] ?? 0));

describe('pacing', () => {
  it('passes every frame of a 30 fps camera', () => {
    expect(run(CAMERA, 30)).toHaveLength(30);
  });

  it('passes every frame also when some come late and together, and none twice', () => {
    expect(run(CAMERA, 30, (frame) => (frame % 4 === 2 ? 34 : 0))).toHaveLength(30);
    expect(run(CAMERA, 30, (frame) => (frame >= 10 && frame < 14 ? 120 : 0)).length).toBeLessThanOrEqual(30);
  });

  it('takes every second frame of a 30 fps camera in a scene of 15', () => {
    expect(run({ fps: 15, steady: true }, 30)).toHaveLength(15);
  });

  it('sends the last picture again at least ten times a second when nothing moves', () => {
    for (const pace of [SCREEN, CAMERA]) {
      const sent = run(pace, null);
      expect(sent.length).toBeGreaterThanOrEqual(10);
      expect(Math.max(...gaps(sent))).toBeLessThanOrEqual(100);
    }
  });

  it('goes on when a camera stops', () => {
    const pacer = new Pacer(CAMERA);
    pacer.arrived(true, 0, 0);
    pacer.sent(0, 0);
    expect([100, 190, 200].map((now) => pacer.due(now))).toEqual([false, false, true]);
  });

  it('lets a source that does not lead wait for the timer', () => {
    const pacer = new Pacer({ fps: 15, steady: true });
    pacer.arrived(true, 0, 0);
    pacer.sent(0, 0);
    expect(pacer.arrived(false, 70, 70)).toBe(false);
    expect(pacer.due(90)).toBe(false);
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
