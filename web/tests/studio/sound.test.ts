import { describe, expect, it } from 'vitest';
import { Accumulator } from '../../src/studio/sound/accumulator';
import { decibels, fillOf, FLOOR_DB, levelOf, SilenceWatch } from '../../src/studio/sound/level';

const tone = (amplitude: number, samples: number): Float32Array =>
  Float32Array.from({ length: samples }, (_, n) => amplitude * Math.sin((2 * Math.PI * n) / 48));

describe('levels', () => {
  it('are in dBFS', () => {
    expect(decibels(1)).toBe(0);
    expect(decibels(0.1)).toBeCloseTo(-20);
    expect(decibels(0)).toBe(FLOOR_DB);
  });

  it('measure a tone by its root mean square and its peak', () => {
    const accumulator = new Accumulator(2400);
    let measured = null;
    for (let n = 0; measured === null; n += 1) measured = accumulator.add(tone(0.5, 480));
    const level = levelOf(measured.sumOfSquares, measured.samples, measured.peak);
    expect(level.rmsDb).toBeCloseTo(-9.03, 1);
    expect(level.peakDb).toBeCloseTo(-6.02, 1);
    expect(accumulator.add(new Float32Array(128))).toBeNull();
  });

  it('fill the meter from -60 dBFS', () => {
    expect([-90, -60, -30, 0].map(fillOf)).toEqual([0, 0, 0.5, 1]);
  });
});

describe('silence', () => {
  const quiet = { rmsDb: -51, peakDb: -40 };
  const loud = { rmsDb: -49, peakDb: -40 };

  it('is noticed after three seconds and forgotten at the first sound', () => {
    const watch = new SilenceWatch(0);
    expect(watch.hear(quiet, 2.9)).toBe(false);
    expect(watch.hear(quiet, 3)).toBe(true);
    expect(watch.heard).toBe(false);
    expect(watch.hear(loud, 3.1)).toBe(false);
    expect(watch.heard).toBe(true);
  });
});
