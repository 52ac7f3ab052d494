/**
 * How good the way up is: three bars, a word and the cause. A score of 100 loses points for loss, round trip and a bitrate
 * far below what was asked; it falls fast and rises slowly, so that one good second does not hide a bad minute.
 */
export type Grade = 'good' | 'fair' | 'poor' | 'lost';
export type Cause = 'none' | 'bandwidth' | 'cpu' | 'loss' | 'delay' | 'silent';

/** What one look at the statistics gives; shares are 0 to 1. */
export interface Sample {
  bitrateBps: number;
  targetBps: number;
  loss: number;
  rttMs: number | null;
  limitation: 'none' | 'cpu' | 'bandwidth' | 'other';
  fps: number;
  /** Seconds since the server last reported what it received. */
  reportAge: number;
}

export interface Quality {
  score: number;
  grade: Grade;
  cause: Cause;
  bars: 0 | 1 | 2 | 3;
}

export const UNKNOWN: Quality = { score: 100, grade: 'good', cause: 'none', bars: 3 };

const FALL = 0.8;
const RISE = 0.4;
/** No report for this long and nobody can say that the picture arrives. */
export const SILENT_SECONDS = 3;

function penalties(sample: Sample): Record<'loss' | 'delay' | 'bandwidth' | 'cpu', number> {
  const rtt = sample.rttMs ?? 0;
  const short = sample.targetBps > 0 ? 1 - Math.min(1, sample.bitrateBps / (sample.targetBps / 2.7)) : 0;
  return {
    loss: Math.min(80, sample.loss * 400),
    delay: rtt <= 150 ? 0 : Math.min(50, (rtt - 150) / 8),
    bandwidth: sample.limitation === 'bandwidth' ? 10 + 75 * short : 0,
    cpu: sample.limitation === 'cpu' ? 30 : 0,
  };
}

function gradeOf(score: number): { grade: Grade; bars: Quality['bars'] } {
  if (score >= 80) return { grade: 'good', bars: 3 };
  return score >= 40 ? { grade: 'fair', bars: 2 } : { grade: 'poor', bars: 1 };
}

/** The next quality from the former one and a sample. */
export function judge(former: Quality, sample: Sample): Quality {
  if (sample.reportAge > SILENT_SECONDS) return { score: 20, grade: 'lost', cause: 'silent', bars: 0 };
  const lost = penalties(sample);
  const instant = Math.max(0, 100 - lost.loss - lost.delay - lost.bandwidth - lost.cpu);
  const weight = instant < former.score ? FALL : RISE;
  const score = former.score + (instant - former.score) * weight;
  const [cause, most] = (Object.entries(lost) as [Cause, number][]).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { score, ...gradeOf(score), cause: most >= 10 ? cause : 'none' };
}
