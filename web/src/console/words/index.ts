import { explain, type Explanation } from '../../shared/i18n/problems';
import { createI18n } from '../../shared/i18n/vue';
import { Problem } from '../../shared/problem';
import { en } from './en';
import { zh } from './zh';

export type { Key } from './zh';

export const i18n = createI18n({ 'zh-CN': zh, en });
export const { t, locale } = i18n;

/** 原因 and 下一步 of a failed request. */
export function explained(problem: Problem): Explanation {
  return explain(problem.code, t);
}

/** Anything but a `Problem` is a mistake of this page and must not be dressed up as one of the server. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}
