import { dayOf, midnight } from '../../shared/localTime';

/** What the list of lectures is narrowed by, as the server is asked for it. Pure. */
export const WHENS = ['coming', 'past', 'all'] as const;
export const STANDINGS = ['draft', 'submitted', 'approved', 'returned', 'off'] as const;

/** The query for what is wanted: coming lectures begin with the next one, all others with the latest. `now` is an instant. */
export function queryOf(wanted: Readonly<Record<string, string>>, now: number): Record<string, string> {
  const { when = 'coming', state = '', ...rest } = wanted;
  const today = midnight(dayOf(now));
  const time = when === 'coming' ? { since: today, order: 'oldest' } : when === 'past' ? { until: today } : {};
  const standing = state === 'off' ? { called_off: 'true' } : state === '' ? {} : { review: state, called_off: 'false' };
  return { ...rest, ...time, ...standing } as Record<string, string>;
}
