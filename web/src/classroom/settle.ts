import type { BroadcastState, Watch } from '../shared/types';
import { type Context, type Model, type Order, type Phase, type Step } from './model';

/**
 * What the server's word about a lecture means for this screen.
 *
 * 1. **The server's state decides the phase**; only between `live`, `joining` and `reconnecting` do the frames decide.
 * 2. **A media connection exists only where the table says so**; everywhere else it is hung up at once.
 * 3. A question whose answer may be older than what was told meanwhile is asked again, never believed.
 */

interface Rule {
  readonly phase: Phase;
  readonly connected: boolean;
}

const RULES: Readonly<Record<BroadcastState | 'none', Rule>> = {
  none: { phase: 'unscheduled', connected: false },
  scheduled: { phase: 'waiting', connected: false },
  open: { phase: 'waiting', connected: true },
  live: { phase: 'live', connected: true },
  paused: { phase: 'paused', connected: true },
  cut: { phase: 'cut', connected: false },
  ended: { phase: 'ended', connected: false },
  archived: { phase: 'ended', connected: false },
};

/** Milliseconds. */
const POLL_WITH_LINE = 60_000;
const POLL_BLIND = 10_000;
const POLL_NOTHING = 30_000;
const ENDED_SHOWN = 600_000;
const JOIN_SPREAD = 1_500;
const HELLO_SPREAD = 1_000;

export const stay = (model: Model): Step => ({ model, orders: [] });

/** Wishes for a question at `at`: the earlier wish wins, but an announced restart is waited for. */
export function wish(model: Model, at: number): Model {
  if (model.asking || (model.restarting && model.askAt !== null)) return model;
  return { ...model, askAt: model.askAt === null ? at : Math.min(model.askAt, at) };
}

/** The same after news that an answer under way may not know of. */
export function doubt(model: Model, at: number): Model {
  return model.asking ? { ...model, stale: true } : wish(model, at);
}

/** Hangs up, when there is something to hang up: nothing of the picture remains on any path. */
export function without(model: Model): { model: Model; orders: Order[] } {
  const orders: Order[] = [];
  if (model.peer !== 'none') orders.push({ do: 'hang-up' });
  if (model.backup) orders.push({ do: 'leave-backup' });
  if (model.phase === 'rewinding') orders.push({ do: 'unwind' });
  return { model: { ...model, peer: 'none', backup: false, movingSince: null, reattached: false }, orders };
}

/** The backup line is buffered: where its picture is not wanted it is left, or it would go on under the slate. */
function rested(model: Model, phase: Phase): { model: Model; orders: Order[] } {
  if (!model.backup || phase === 'live' || phase === 'joining' || phase === 'reconnecting') return { model, orders: [] };
  return { model: { ...model, backup: false, movingSince: null }, orders: [{ do: 'leave-backup' }] };
}

function ruleOf(watch: Watch): Rule {
  return RULES[watch.lecture_id === null ? 'none' : watch.state];
}

function phaseOf(model: Model, rule: Rule, now: number): Phase {
  // Whoever rewinds is not disturbed by a pause of the lecturer's.
  if (model.phase === 'rewinding' && (rule.phase === 'live' || rule.phase === 'paused')) return 'rewinding';
  if (rule.phase === 'live') {
    if (model.movingSince !== null) return 'live';
    return model.phase === 'live' || model.phase === 'reconnecting' ? 'reconnecting' : 'joining';
  }
  const justEnded = model.phase === 'ended' && model.endedAt !== null && now - model.endedAt < ENDED_SHOWN;
  return rule.phase === 'unscheduled' && justEnded ? 'ended' : rule.phase;
}

function pollAt(model: Model, rule: Rule, context: Context): number | null {
  if (model.phase === 'live') return null;
  const wanted = (model.watch?.retry_after ?? 0) * 1000;
  const quiet = rule.phase === 'unscheduled' || rule.phase === 'ended';
  const fallback = quiet ? POLL_NOTHING : POLL_BLIND;
  const blind = wanted > 0 ? wanted : fallback;
  const period = model.line && !quiet ? POLL_WITH_LINE : blind;
  return context.now + period * (0.75 + context.random / 2);
}

/** Puts the model where its `watch` says; hangs up where nothing is to be seen. */
export function arrive(model: Model, context: Context): Step {
  const { now } = context;
  const rule = ruleOf(model.watch as Watch);
  const phase = phaseOf(model, rule, now);
  const unwound = model.phase === 'rewinding' && phase !== 'rewinding';
  const left = rule.connected && !unwound ? rested(model, phase) : without({ ...model, dials: 0, studioLost: false });
  const endedAt = phase === 'ended' ? (model.endedAt ?? now) : null;
  return { model: { ...left.model, phase, endedAt, error: null }, orders: left.orders };
}

function dial(model: Model): Step {
  const { whep_url: url, token } = model.watch as Watch;
  if (url === null || token === null || model.peer !== 'none') return stay(model);
  const dialed: Model = { ...model, path: 'webrtc', peer: 'dialing', dials: model.dials + 1 };
  return { model: dialed, orders: [{ do: 'dial', url, token }] };
}

/** The address of the backup line, or null where there is none (the lecture is not recorded). */
export function backupOf(model: Model): string | null {
  return model.watch === null || model.watch.token === null ? null : model.watch.hls_url;
}

/** Runs the backup line, and it alone: a connection that brings nothing only takes room on a narrow line. */
export function fall(model: Model, url: string): Step {
  const left = without(model);
  const fallen: Model = { ...left.model, path: 'hls', backup: true, dials: model.dials + 1 };
  return { model: fallen, orders: [...left.orders, { do: 'fall', url }] };
}

/** Connects, by the path that was good before, where a picture is wanted or soon will be. */
export function engage(model: Model): Step {
  const rule = ruleOf(model.watch as Watch);
  if (!rule.connected || model.phase === 'rewinding') return stay(model);
  const url = backupOf(model);
  if (url === null || (model.path === 'webrtc' && !model.unplayable)) return model.backup ? stay(model) : dial(model);
  return rule.phase !== 'live' || model.backup ? stay(model) : fall(model, url);
}

function listenTo({ token, lecture_id: lecture }: Watch): Order[] {
  return token === null || lecture === null ? [] : [{ do: 'listen', lecture, token }];
}

/** The answer of `POST …/watch`. */
export function told(model: Model, { watch }: { watch: Watch }, context: Context): Step {
  const heard: Model = { ...model, asking: false, stale: false, misses: 0, restarting: false };
  if (model.stale) return stay(wish(heard, context.now));
  const old = model.watch;
  const other = old !== null && old.lecture_id !== watch.lecture_id;
  const moved = other || (old !== null && old.boot_id !== watch.boot_id && model.phase !== 'rewinding');
  const base = moved ? without({ ...heard, dials: 0, studioLost: false }) : { model: heard, orders: [] };
  const anew: Partial<Model> = other ? { path: 'webrtc', phase: model.phase === 'rewinding' ? 'asking' : model.phase } : {};
  const placed = arrive({ ...base.model, ...anew, watch }, context);
  const dialed = engage(placed.model);
  const askAt = pollAt(dialed.model, ruleOf(watch), context);
  return { model: { ...dialed.model, askAt }, orders: [...base.orders, ...placed.orders, ...listenTo(watch), ...dialed.orders] };
}

function unconnected({ phase, path, backup, peer }: Model): boolean {
  return phase !== 'rewinding' && (path === 'hls' ? !backup : peer === 'none');
}

function pushed(model: Model, state: BroadcastState, context: Context): Step {
  const watch = model.watch as Watch;
  if (watch.state === state) return stay(model);
  const late: Model = model.asking ? { ...model, stale: true } : model;
  const step = arrive({ ...late, watch: { ...watch, state } }, context);
  const rule = RULES[state];
  if (rule.connected && unconnected(step.model)) {
    return { ...step, model: doubt(step.model, context.now + context.random * JOIN_SPREAD) };
  }
  return { ...step, model: { ...step.model, askAt: pollAt(step.model, rule, context) } };
}

/** The socket tells the lecture's state. */
export function lecture(
  model: Model,
  event: { lecture: string; state: BroadcastState },
  context: Context,
): Step {
  if (model.watch === null) return stay({ ...model, stale: model.asking });
  if (model.watch.lecture_id !== event.lecture) return stay(doubt(model, context.now + context.random * JOIN_SPREAD));
  return pushed(model, event.state, context);
}

/** The socket says who answers and where the lecture stands; another `boot` means another process, which knows no session. */
export function hello(
  model: Model,
  event: { boot: string; lecture: string | null; state: BroadcastState | null },
  context: Context,
): Step {
  const heard: Model = { ...model, line: true };
  if (heard.watch === null) return stay({ ...heard, stale: heard.asking });
  if (heard.watch.boot_id !== event.boot) {
    return stay(doubt({ ...heard, restarting: false }, context.now + context.random * HELLO_SPREAD));
  }
  if (event.lecture === null || event.state === null) return stay(heard);
  return lecture(heard, { lecture: event.lecture, state: event.state }, context);
}
