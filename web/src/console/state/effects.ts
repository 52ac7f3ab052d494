import type { Happening, NewEvent, School } from '../../shared/directory';

/** What an event that somebody is about to write down needs and does. Pure; the server's table is `signaling/directory/lifecycle.py`. */
export const NEEDS: Readonly<Record<Happening, 'name' | 'region' | 'code' | 'into' | null>> = {
  renamed: 'name',
  moved: 'region',
  recoded: 'code',
  merged: 'into',
  closed: null,
  reopened: null,
};

/** Events that cannot be undone by another. */
export const GRAVE: ReadonlySet<Happening> = new Set<Happening>(['recoded', 'merged', 'closed']);

/** What may happen to a school now; only who stands above the counties moves it from one to another. */
export function possible(school: School, above: boolean): Happening[] {
  if (school.closed_on !== null) return school.successor === null ? ['reopened'] : [];
  return (['renamed', 'moved', 'recoded', 'merged', 'closed'] as const).filter((kind) => kind !== 'moved' || above);
}

export type Effect = `effect.${Happening | 'dissolved'}`;

/** The sentence that says what will happen. */
export function effect(event: Pick<NewEvent, 'kind' | 'classes'>): Effect {
  return event.kind === 'merged' && event.classes === 'close' ? 'effect.dissolved' : `effect.${event.kind}`;
}

/** What of a form goes to the server. */
export function order(values: Required<NewEvent>): NewEvent {
  const needed = NEEDS[values.kind];
  return {
    kind: values.kind,
    on: values.on,
    ...(needed !== null && { [needed]: values[needed] }),
    ...(values.kind === 'merged' && { classes: values.classes }),
    ...(values.note.trim() !== '' && { note: values.note.trim() }),
  };
}
