import type { Problem } from '../../shared/problem';

/** What a refusal says of the fields of a form. Pure. */
export interface Fault {
  readonly field: string;
  /** `code`: the problem's own sentence says what is wrong. */
  readonly reason: 'missing' | 'long' | 'wrong' | 'code';
}

export function faults(problem: Problem, fields: readonly string[]): Fault[] {
  const told = problem.fields['errors'];
  if (!Array.isArray(told)) return [];
  return (told as { field?: unknown; reason?: unknown }[]).flatMap(({ field, reason }) => {
    if (typeof field !== 'string' || !fields.includes(field)) return [];
    return [{ field, reason: problem.code === 'invalid' ? kind(String(reason)) : 'code' } as const];
  });
}

function kind(reason: string): Fault['reason'] {
  if (reason.includes('missing') || reason.includes('too_short')) return 'missing';
  return reason.includes('too_long') || reason.includes('greater') ? 'long' : 'wrong';
}

export interface Merged<T> {
  /** What the form shows then: what was typed where something was, else what is there now. */
  readonly values: T;
  /** What somebody else changed meanwhile. */
  readonly changed: { readonly field: keyof T; readonly before: T[keyof T]; readonly after: T[keyof T] }[];
}

/** Brings together what a form began with, what is there now, and what somebody typed: nothing typed is lost. */
export function merge<T extends object>(before: T, now: T, typed: T): Merged<T> {
  const fields = Object.keys(typed) as (keyof T)[];
  const values = { ...typed };
  for (const field of fields) if (typed[field] === before[field]) values[field] = now[field];
  const differing = fields.filter((field) => before[field] !== now[field]);
  return { values, changed: differing.map((field) => ({ field, before: before[field], after: now[field] })) };
}
