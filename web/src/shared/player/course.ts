/**
 * A recording that is to be seen in its course: no jump over what was not seen yet, no faster than allowed. Pure; seconds of the recording.
 *
 * **It decides nothing**: what counts is what the server delivered. It keeps a class from losing minutes without knowing it.
 */
export interface Course {
  /** How far one may jump: the place up to which everything was seen. */
  readonly farthestS: number;
  readonly maxRate: number;
  /** Minutes seen, and needed. */
  readonly seen: number;
  readonly needed: number;
  readonly done: boolean;
}

/** Between two looks at the clock a picture that plays moves no farther than this. */
const STEP_S = 3;

/** The picture is at `at`: playing on from what was seen makes that longer. */
export const played = (course: Course, at: number): Course =>
  at > course.farthestS && at - course.farthestS <= STEP_S ? { ...course, farthestS: at } : course;

/** What the server says now; what was played since it looked is not taken back. */
export const told = (before: Course, now: Course): Course => ({ ...now, farthestS: Math.max(before.farthestS, now.farthestS) });

export const allowed = (course: Course | null, to: number): number =>
  course === null || course.done ? to : Math.min(to, course.farthestS);

export const rateAllowed = (course: Course | null, rate: number): boolean => course === null || course.done || rate <= course.maxRate;
