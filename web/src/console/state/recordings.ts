import type { RecorderReport, Recording, RecordingState, ReviewState, Role } from '../../shared/types';

/** The shelf of recordings: what is shown, and what is said about each. Pure. */

export interface Wish {
  state: RecordingState | 'all';
  review: ReviewState | 'all';
  text: string;
}

export const ANY: Wish = { state: 'all', review: 'all', text: '' };
export const STATES: readonly RecordingState[] = ['recording', 'degraded', 'finalising', 'ready', 'failed'];
export const REVIEWS: readonly ReviewState[] = ['pending', 'approved', 'withdrawn'];

/** Only what is finished is waiting for a reviewer, or has been looked at by one. */
export const reviewOf = (recording: Recording): ReviewState | null => (recording.state === 'ready' ? recording.review : null);

function matches(recording: Recording, wish: Wish): boolean {
  const text = wish.text.trim().toLowerCase();
  return (
    (wish.state === 'all' || recording.state === wish.state) &&
    (wish.review === 'all' || reviewOf(recording) === wish.review) &&
    (text === '' || recording.title.toLowerCase().includes(text))
  );
}

export const pick = (recordings: readonly Recording[], wish: Wish): Recording[] => recordings.filter((one) => matches(one, wish));

/** How many each review state would show, with the other wishes as they are. */
export function reviewCounts(recordings: readonly Recording[], wish: Wish): Record<ReviewState | 'all', number> {
  const counts = { all: 0, pending: 0, approved: 0, withdrawn: 0 };
  for (const one of pick(recordings, { ...wish, review: 'all' })) {
    counts.all += 1;
    const review = reviewOf(one);
    if (review !== null) counts[review] += 1;
  }
  return counts;
}

const RUNNING: ReadonlySet<RecordingState> = new Set<RecordingState>(['recording', 'degraded']);
export const running = (state: RecordingState): boolean => RUNNING.has(state);
/** Nothing about it changes by itself any more. */
export const settled = (state: RecordingState): boolean => state === 'ready' || state === 'failed';

/** What is missing or went wrong: a code, and for a gap where it is and how long. */
export interface Complaint {
  code: string;
  /** Not a fault: people wanted it so. */
  wanted: boolean;
  gap: { atS: number; seconds: number } | null;
}

const WANTED: ReadonlySet<string> = new Set(['paused', 'cut']);

/** Gaps in order, then what concerns the whole; a reason that gaps already name is not said again. */
export function complaints(recording: Recording): Complaint[] {
  const gaps = recording.gaps
    .slice()
    .sort((a, b) => a.at_s - b.at_s)
    .map((gap) => ({ code: gap.reason, wanted: WANTED.has(gap.reason), gap: { atS: gap.at_s, seconds: gap.seconds } }));
  const named = new Set(gaps.map((gap) => gap.code));
  return [...gaps, ...recording.problems.filter((code) => !named.has(code)).map((code) => ({ code, wanted: false, gap: null }))];
}

/** What somebody has to know who looks for faults. */
export const faults = (recording: Recording): Complaint[] => complaints(recording).filter((one) => !one.wanted);

/** Who decides what screens may see; the server checks. */
export const reviews = (role: Role): boolean => role === 'prefecture_admin';
/** Who hears of the recorder's disk. */
export const watchesDisk = (role: Role): boolean => role === 'prefecture_admin' || role === 'operator';

export type Alarm = 'full' | 'degraded' | 'low' | 'uploads';

/** What has to be said about the recorder, the worst first. */
export function alarms(report: RecorderReport): Alarm[] {
  const found: Alarm[] = [];
  if (report.state === 'full') found.push('full');
  else if (report.degraded > 0) found.push('degraded');
  else if (report.state === 'low') found.push('low');
  if (report.uploads_failed > 0) found.push('uploads');
  return found;
}

/** Hours with one decimal below ten; `0.4`, `7.5`, `38`. */
export const hours = (value: number): string => (value < 10 ? (Math.floor(value * 10) / 10).toFixed(1) : Math.floor(value).toLocaleString('en-US'));
