import { backoff } from './backoff';
import type { Context, Model, ScreenEvent, Step } from './model';
import { CLOSED_SPREAD } from './moves';
import { arrive, backupOf, doubt, engage, fall, stay, wish, without } from './settle';

/**
 * The ladder: WebRTC above, HLS below, and the way back in time. Times in milliseconds.
 *
 * 1. **Five seconds without a picture by WebRTC and the backup line is tried**, whatever the reason: not answered, no path, a path
 *    without media, no codec.
 * 2. **WebRTC is tried again behind the backup line's picture** and takes over with its first frame, never before. Where it has
 *    worked before (the server went away, the network was down) the first trial comes soon.
 * 3. The backup line lost as well: from the top again, with the pauses of any other reconnect.
 */

const FALL = 5000;
const HEALTH = 30_000;
const SOON = 4000;
const CLIMB = 60_000;
const STALLED_S = 3;
const HOPELESS_S = 8;
const VAIN_S = 5;

type Event<K extends ScreenEvent['type']> = Extract<ScreenEvent, { type: K }>;

/** When to go down and when to try to go up follow from where the model stands; a time that was set earlier stays. */
export function timed(model: Model, { now, random }: Context): Model {
  const seeking = model.phase === 'joining' || model.phase === 'reconnecting';
  const falls = seeking && model.path === 'webrtc' && backupOf(model) !== null;
  const climbs = model.phase === 'live' && model.path === 'hls' && model.peer === 'none' && !model.unplayable;
  const fallAt = falls ? (model.fallAt ?? now + FALL) : null;
  const climbAt = climbs ? (model.climbAt ?? now + (model.proven ? SOON : HEALTH) * (1 + random)) : null;
  return fallAt === model.fallAt && climbAt === model.climbAt ? model : { ...model, fallAt, climbAt };
}

/** The next thing that happens by itself. */
export function nextTimer(model: Model): { at: number; event: ScreenEvent } | null {
  const timers: { at: number | null; event: ScreenEvent }[] = [
    { at: model.askAt, event: { type: 'due' } },
    { at: model.fallAt, event: { type: 'late' } },
    { at: model.climbAt, event: { type: 'probe' } },
  ];
  let next: { at: number; event: ScreenEvent } | null = null;
  for (const { at, event } of timers) if (at !== null && (next === null || at < next.at)) next = { at, event };
  return next;
}

/** No picture in time. While the studio or the server is known to be away the backup line has none either. */
export function late(model: Model, _event: Event<'late'>, { now }: Context): Step {
  const url = backupOf(model);
  if (url === null || model.studioLost || model.restarting) return stay({ ...model, fallAt: now + FALL });
  return fall(model, url);
}

export function probe(model: Model): Step {
  const { whep_url: url = null, token = null } = model.watch ?? {};
  if (url === null || token === null || model.peer !== 'none') return stay({ ...model, climbAt: null });
  return { model: { ...model, peer: 'dialing' }, orders: [{ do: 'dial', url, token }] };
}

function later({ now, random }: Context): number {
  return now + CLIMB * (1 + random);
}

/** The first frame by WebRTC: it takes over, and the backup line is left. */
export function climb(model: Model, _event: Event<'picture'>, { now }: Context): Step {
  if (model.peer !== 'up') return stay(model);
  const up: Model = { ...model, path: 'webrtc', phase: 'live', backup: false, proven: true, movingSince: now };
  return { model: { ...up, askAt: null, dials: 0, studioLost: false }, orders: model.backup ? [{ do: 'leave-backup' }] : [] };
}

/** The trial failed by itself. */
export function unproven(model: Model, event: Event<'closed'> | Event<'undialed'>, context: Context): Step {
  const unplayable = model.unplayable || (event.type === 'undialed' && event.code !== null);
  return stay({ ...model, peer: 'none', proven: false, unplayable, climbAt: later(context) });
}

/** The trial connects and brings nothing. */
export function inVain(model: Model, { seconds }: Event<'silent'> | Event<'stuck'>, context: Context): Step {
  if (seconds < VAIN_S || model.peer === 'none') return stay(model);
  return { model: { ...model, peer: 'none', proven: false, climbAt: later(context) }, orders: [{ do: 'hang-up' }] };
}

/** Leaves the backup line for the top of the ladder; a trial that is under way becomes the connection. */
function abandon(model: Model, context: Context): Step {
  const top: Model = { ...model, path: 'webrtc', phase: 'reconnecting', backup: false, movingSince: null };
  const orders: Step['orders'] = model.backup ? [{ do: 'leave-backup' }] : [];
  if (model.peer !== 'none') return { model: top, orders };
  return { model: doubt(top, context.now + backoff(model.dials, context.random)), orders };
}

function flowing(model: Model, now: number): Step {
  const movingSince = model.movingSince ?? now;
  const dials = now - movingSince >= HEALTH ? 0 : model.dials;
  return stay({ ...model, movingSince, dials, phase: 'live', askAt: null, studioLost: false });
}

/** The backup line's picture moves, stalls, or has stood too long to be waited for. */
export function backup(model: Model, { seconds }: Event<'backup'>, context: Context): Step {
  if (!model.backup) return stay(model);
  if (seconds === 0) return flowing(model, context.now);
  if (seconds >= HOPELESS_S && !model.studioLost) return abandon(model, context);
  if (seconds < STALLED_S || model.phase !== 'live') return stay(model);
  // As with WebRTC, a pause that nobody told is found out by its silence.
  const stalled: Model = { ...model, phase: 'reconnecting', movingSince: null };
  return stay(wish(stalled, context.now + context.random * CLOSED_SPREAD));
}

export function backupLost(model: Model, { gone }: Event<'backup-lost'>, context: Context): Step {
  if (!model.backup) return stay(model);
  if (!gone) return abandon(model, context);
  // Stopped: the server knows more. What was buffered is left at once.
  const left = without(model);
  const phase = model.phase === 'live' ? 'reconnecting' : model.phase;
  return { ...left, model: doubt({ ...left.model, phase }, context.now + context.random * CLOSED_SPREAD) };
}

const REWIND_POLL = 10_000;

/** Back to the first second: one stream is enough for a school's line, so the live one is hung up. */
export function rewind(model: Model, _event: Event<'rewind'>, { now, random }: Context): Step {
  const url = backupOf(model);
  if (url === null) return stay(model);
  const left = without(model);
  const away: Model = { ...left.model, phase: 'rewinding', askAt: now + REWIND_POLL * (0.5 + random) };
  return { model: away, orders: [...left.orders, { do: 'rewind', url: `${url}${url.indexOf('?') < 0 ? '?' : '&'}rewind=1` }] };
}

/** Back to the live picture, wherever the lecture stands by now. */
export function toLive(model: Model, _event: Event<'to-live'>, context: Context): Step {
  const left = without(model);
  const placed = arrive({ ...left.model, phase: 'joining', dials: 0 }, context);
  const engaged = engage(placed.model);
  const orders = [...left.orders, ...placed.orders, ...engaged.orders];
  return { model: doubt(engaged.model, context.now + context.random * CLOSED_SPREAD), orders };
}

/** The lecture was stopped while its beginning was watched. */
export function unwound(model: Model, _event: Event<'unwound'>, context: Context): Step {
  const left = without(model);
  const lost: Model = { ...left.model, phase: 'reconnecting' };
  return { ...left, model: doubt(lost, context.now + context.random * CLOSED_SPREAD) };
}
