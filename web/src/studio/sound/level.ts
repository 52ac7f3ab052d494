/** Sound levels in dBFS: 0 is the loudest a track can carry. */

export const FLOOR_DB = -90;
export const SILENCE_DB = -50;
export const CLIP_DB = -1;
const SILENT_AFTER_SECONDS = 3;

export interface Level {
  rmsDb: number;
  peakDb: number;
}

export const NO_LEVEL: Level = { rmsDb: FLOOR_DB, peakDb: FLOOR_DB };

export function decibels(amplitude: number): number {
  return amplitude <= 0 ? FLOOR_DB : Math.max(FLOOR_DB, 20 * Math.log10(amplitude));
}

export function levelOf(sumOfSquares: number, samples: number, peak: number): Level {
  return { rmsDb: decibels(samples > 0 ? Math.sqrt(sumOfSquares / samples) : 0), peakDb: decibels(peak) };
}

/** Share of the meter that is filled, 0 to 1: the scale begins at -60 dBFS. */
export function fillOf(db: number): number {
  return Math.min(1, Math.max(0, (db + 60) / 60));
}

/** Says when a microphone has been silent for too long, and whether it was ever heard. */
export class SilenceWatch {
  private loudAt: number;
  heard = false;

  constructor(now: number) {
    this.loudAt = now;
  }

  /** Returns whether there has been no sound for three seconds; `now` is in seconds. */
  hear(level: Level, now: number): boolean {
    if (level.rmsDb >= SILENCE_DB) {
      this.loudAt = now;
      this.heard = true;
    }
    return now - this.loudAt >= SILENT_AFTER_SECONDS;
  }
}
