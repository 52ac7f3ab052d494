import type { Term } from '../../shared/directory';

/** The calendar of a school year as rows of regions. Pure; which term a day lies in is said by the server. */
export interface Cell {
  readonly code: string;
  /** The region's own term, or the prefecture's where the region has no term of its own in any year. */
  readonly term: Term | null;
  readonly inherited: boolean;
}

export const HALVES = [1, 2] as const;

export const termCode = (year: number, half: (typeof HALVES)[number]): string => `${String(year)}-${String(year + 1)}-${String(half)}`;

/** A region's two terms of a school year. **A region with any term of its own takes none from the prefecture.** */
export function cells(terms: readonly Term[], region: string, top: string, year: number): Cell[] {
  const own = terms.filter((term) => term.region === region);
  const inherited = own.length === 0 && region !== top;
  const from = inherited ? terms.filter((term) => term.region === top) : own;
  return HALVES.map((half) => {
    const code = termCode(year, half);
    return { code, inherited, term: from.find((term) => term.code === code) ?? null };
  });
}

/** The school years that there are terms of, and the present and next ones, the latest first. */
export function years(terms: readonly Term[], present: number): number[] {
  const found = new Set([present + 1, present, ...terms.map((term) => Number(term.code.slice(0, 4)))]);
  return [...found].sort((a, b) => b - a);
}

export const lies = (day: string, term: Term): boolean => term.starts_on <= day && day <= term.ends_on;
