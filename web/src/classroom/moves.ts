import { backoff, notBefore } from './backoff';
import type { ErrorCode } from './codes';
import type { Context, Model, ScreenEvent, Step } from './model';
import { backupOf, doubt, fall, stay, wish, without } from './settle';

/** What an event does where it does anything; `machine.ts` says where. Times in milliseconds. */

export const CLOSED_SPREAD = 250;
const NUDGE_SPREAD = 500;
const STEADY = 10_000;
const ASK_WHEN_SILENT = { line: 20_000, blind: 6_000 };
const JOINING_S = 5;
const REDIAL_SILENT_S = 20;
const REDIAL_UNREACHABLE_S = 4;
const REDIAL_STUCK_S = 8;
const RETRY_REFUSED = 60_000;
const PATIENCE = 2;

type Event<K extends ScreenEvent['type']> = Extract<ScreenEvent, { type: K }>;

export function due(model: Model): Step {
  if (model.asking) return stay(model);
  return { model: { ...model, asking: true, stale: false, askAt: null }, orders: [{ do: 'ask' }] };
}

export function unreachable(model: Model, event: Event<'unreachable'>, { now, random }: Context): Step {
  const misses = model.misses + 1;
  const askAt = now + Math.max(notBefore(event.retryAfter, random), backoff(misses, random));
  const phase = model.phase === 'joining' && misses >= PATIENCE ? 'reconnecting' : model.phase;
  return stay({ ...model, phase, misses, missed: event.code, askAt, asking: false, stale: false });
}

export function refused(model: Model, { code }: Event<'refused'>, { now, random }: Context): Step {
  const left = without(model);
  const askAt = now + RETRY_REFUSED * (0.5 + random);
  return { ...left, model: { ...left.model, phase: 'error', error: code, asking: false, stale: false, askAt } };
}

export function line(model: Model, { up }: Event<'line'>, { now, random }: Context): Step {
  const next: Model = { ...model, line: up };
  return stay(up || model.askAt === null ? next : wish(next, now + ASK_WHEN_SILENT.blind * random));
}

export const heard = (model: Model): Step => stay({ ...model, line: true });

export const studio = (model: Model, { lost }: Event<'studio'>): Step => stay({ ...model, studioLost: lost });

export const connected = (model: Model): Step => stay(model.peer === 'none' ? model : { ...model, peer: 'up' });

/** Frames move: notes since when, and after a steady while forgets how often the connection was tried. */
export function moving(model: Model, _event: Event<'picture'>, { now }: Context): Step {
  const movingSince = model.movingSince ?? now;
  const steady = now - movingSince >= STEADY;
  return stay({ ...model, movingSince, proven: true, reattached: false, studioLost: false, dials: steady ? 0 : model.dials });
}

/** Frames while something else was told: with a line the news will come, without one it must be fetched. */
export function unexpected(model: Model, event: Event<'picture'>, context: Context): Step {
  if (model.peer !== 'up') return stay(model);
  const { model: seen } = moving(model, event, context);
  return stay(seen.line ? seen : wish(seen, context.now + context.random * CLOSED_SPREAD));
}

/** The picture is back, unless these are the last frames of a connection that has ended. */
export function shown(model: Model, event: Event<'picture'>, context: Context): Step {
  if (model.peer !== 'up') return stay(model);
  return stay({ ...moving(model, event, context).model, phase: 'live', askAt: null });
}

export const still = (model: Model): Step => stay({ ...model, movingSince: null });

export function lost(model: Model, _event: Event<'silent'>, { now, random }: Context): Step {
  return stay(wish({ ...model, phase: 'reconnecting', movingSince: null }, now + random * CLOSED_SPREAD));
}

function redial(model: Model, { now, random }: Context): Step {
  const left = without(model);
  return { ...left, model: wish({ ...left.model, phase: 'reconnecting' }, now + backoff(model.dials, random)) };
}

/** Still no packets: ask now and then; connect anew when the path is gone, or when all else was in vain. */
export function silence(model: Model, event: Event<'silent'>, context: Context): Step {
  if (model.peer === 'none') return still(model);
  const hopeless = event.reachable ? event.seconds >= REDIAL_SILENT_S && !model.studioLost : event.seconds >= REDIAL_UNREACHABLE_S;
  if (hopeless) return redial(model, context);
  const pause = (model.line ? ASK_WHEN_SILENT.line : ASK_WHEN_SILENT.blind) * (0.5 + context.random);
  const phase = event.seconds >= JOINING_S ? 'reconnecting' : model.phase;
  return stay(wish({ ...model, phase, movingSince: null }, context.now + pause));
}

/** Packets but no frames: give the decoder its tracks anew once, then connect anew. */
export function stuck(model: Model, event: Event<'stuck'>, context: Context): Step {
  if (model.peer === 'none') return still(model);
  if (!model.reattached) {
    const phase = model.phase === 'joining' ? 'joining' : 'reconnecting';
    const fresh: Model = { ...model, phase, movingSince: null, reattached: true };
    return { model: wish(fresh, context.now + ASK_WHEN_SILENT.blind), orders: [{ do: 'reattach' }] };
  }
  return event.seconds >= REDIAL_STUCK_S ? redial(model, context) : still(model);
}

function afterClose({ dials }: Model, { now, random }: Context): number {
  return now + (dials < PATIENCE ? random * CLOSED_SPREAD : backoff(dials, random));
}

/** The media connection ended while it should stand: the server knows why. */
export function closed(model: Model, _event: Event<'closed'>, context: Context): Step {
  const phase = model.phase === 'live' ? 'reconnecting' : model.phase;
  const free: Model = { ...model, phase, peer: 'none', movingSince: null, reattached: false };
  return stay(doubt(free, afterClose(model, context)));
}

export const gone = (model: Model): Step => stay({ ...model, peer: 'none', movingSince: null });

/** No codec in common: the backup line is another way to the same picture; without one a person has to change something. */
function unplayable(model: Model, code: ErrorCode, context: Context): Step {
  const url = backupOf(model);
  if (url === null) return refused(model, { type: 'refused', code }, context);
  const known: Model = { ...model, unplayable: true, peer: 'none' };
  return model.watch?.state === 'live' ? fall(known, url) : stay(known);
}

export function undialed(model: Model, event: Event<'undialed'>, context: Context): Step {
  if (event.code !== null) return unplayable(model, event.code, context);
  const wait = Math.max(notBefore(event.retryAfter, context.random), backoff(model.dials, context.random));
  const late = model.phase === 'live' || (model.phase === 'joining' && model.dials >= PATIENCE);
  const phase = late ? 'reconnecting' : model.phase;
  const free: Model = { ...model, phase, peer: 'none', movingSince: null };
  // A poll that is already due earlier would only repeat the mistake.
  return stay(free.asking ? { ...free, stale: true } : { ...free, askAt: context.now + wait });
}

/** An announced restart: come back spread over the window, not when the connection breaks. */
export function restarting(model: Model, event: Event<'restarting'>, { now, random }: Context): Step {
  return stay({ ...model, restarting: true, askAt: now + 1000 + random * event.seconds * 1000 });
}

/** Another browser took this screen over: coming back by itself would throw that one out in turn. */
export function replaced(model: Model): Step {
  const left = without(model);
  return { ...left, model: { ...left.model, phase: 'error', error: 'E-31', asking: false, stale: false, askAt: null } };
}

export function nudge(model: Model, _event: Event<'nudge'>, { now, random }: Context): Step {
  return stay(wish({ ...model, misses: 0 }, now + random * NUDGE_SPREAD));
}

export const touch = (model: Model, _event: Event<'touch'>, { now }: Context): Step => stay(wish(model, now));
