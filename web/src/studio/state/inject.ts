import { inject, type InjectionKey } from 'vue';
import type { Studio } from './useStudio';

export const STUDIO: InjectionKey<Studio> = Symbol('studio');

/** The studio that the page belongs to. */
export function theStudio(): Studio {
  const studio = inject(STUDIO);
  if (studio === undefined) throw new Error('a studio component outside the studio');
  return studio;
}
