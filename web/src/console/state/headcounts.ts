import type { HeadCount } from '../../shared/headcounts';

/** A lecture whose heads are counted, with the classes of the school. Pure. */
export interface CountedLecture {
  readonly id: string;
  readonly title: string;
  /** Households are counted instead of people. */
  readonly households: boolean;
  readonly opensAt: string;
  readonly closesAt: string | null;
  readonly done: number;
  readonly rows: readonly HeadCount[];
}

/** Lecture by lecture in the order of the server, the newest first. */
export function byLecture(rows: readonly HeadCount[]): CountedLecture[] {
  const ids = [...new Set(rows.map((row) => row.lecture_id))];
  return ids.map((id) => {
    const own = rows.filter((row) => row.lecture_id === id);
    const [first] = own as [HeadCount];
    const done = own.filter((row) => row.present !== null).length;
    return { id, title: first.title, households: first.audience === 'parents', opensAt: first.opens_at, closesAt: first.closes_at, done, rows: own };
  });
}

export interface Draft {
  present: number;
  guests: number;
}

export const draftOf = ({ present, guests, expected }: HeadCount): Draft => ({ present: present ?? expected, guests: guests ?? 0 });

export const tooMany = ({ expected }: HeadCount, { present, guests }: Draft): boolean => present > expected + guests;

/** Nothing to say: confirmed already, and the same. */
export const unchanged = (row: HeadCount, draft: Draft): boolean => row.present === draft.present && row.guests === draft.guests;
