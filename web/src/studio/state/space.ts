/** How long something can be recorded, rounded down: nobody shall count on a minute that is not there. */
export interface Hours extends Record<string, number> {
  h: number;
  m: number;
}

export function inHours(hours: number): Hours {
  const minutes = Math.max(0, Math.floor(hours * 60 + 1e-6));
  return { h: Math.floor(minutes / 60), m: minutes % 60 };
}

export interface Figures {
  left: string;
  wanted: string;
}

/** The figures of a `recording-space` document, or of the problem `recording_space`, in words. */
export function figures(space: Readonly<Record<string, unknown>>, say: (hours: Hours) => string): Figures {
  const of = (name: string): string => say(inHours(Number(space[name] ?? 0)));
  return { left: of('hours_left'), wanted: of('hours_wanted') };
}
