import * as ladder from './ladder';
import type { Context, EventName, Model, Phase, ScreenEvent, Step } from './model';
import * as moves from './moves';
import { hello, lecture, stay, told } from './settle';

/**
 * The class screen as a table of phases and events. Every cell is decided: the compiler refuses a table with a hole.
 *
 * 1. **An event that means nothing in a phase changes nothing.**
 * 2. **At most one question is under way**, and the next one has at most one time.
 * 3. **Cut, ended, unscheduled and error have no media connection**: nothing of a stopped picture can come through.
 * 4. **What is done about the backup line is in rows of its own**, for the phases in which a picture is wanted.
 * 5. Every phase but E-31 finds back by itself: it has a time to ask, a question under way, or frames that move.
 */

type Handler<K extends EventName> = (model: Model, event: Extract<ScreenEvent, { type: K }>, context: Context) => Step;
type Row = { readonly [K in EventName]: Handler<K> };

/** Where no picture is wanted. */
const IDLE: Row = {
  told,
  unreachable: moves.unreachable,
  refused: moves.refused,
  lecture,
  hello,
  line: moves.line,
  studio: stay,
  connected: stay,
  picture: stay,
  silent: stay,
  stuck: stay,
  closed: moves.gone,
  undialed: moves.gone,
  restarting: moves.restarting,
  replaced: moves.replaced,
  nudge: moves.nudge,
  touch: stay,
  due: moves.due,
  late: stay,
  probe: stay,
  backup: stay,
  'backup-lost': stay,
  rewind: stay,
  'to-live': stay,
  unwound: stay,
};

/** Where a connection is held ahead of the picture. */
const READY: Row = {
  ...IDLE,
  studio: moves.studio,
  connected: moves.connected,
  picture: moves.unexpected,
  silent: moves.still,
  stuck: moves.still,
  closed: moves.closed,
  undialed: moves.undialed,
};

/** Where the picture is wanted and missing. */
const SEEKING: Row = { ...READY, picture: moves.shown, silent: moves.silence, stuck: moves.stuck, late: ladder.late };

export const TABLE: Readonly<Record<Phase, Row>> = {
  asking: { ...IDLE, replaced: stay, touch: moves.touch },
  unscheduled: IDLE,
  waiting: READY,
  joining: SEEKING,
  live: { ...SEEKING, picture: moves.moving, silent: moves.lost, nudge: stay, rewind: ladder.rewind },
  rewinding: { ...IDLE, 'to-live': ladder.toLive, unwound: ladder.unwound },
  paused: READY,
  cut: IDLE,
  ended: IDLE,
  reconnecting: SEEKING,
  error: { ...IDLE, lecture: stay, hello: moves.heard, restarting: stay, replaced: stay, nudge: stay, touch: moves.touch },
};

/** The picture comes by the backup line, or is about to; WebRTC is a trial that nobody sees. */
const FALLEN: Row = {
  ...SEEKING,
  picture: ladder.climb,
  silent: ladder.inVain,
  stuck: ladder.inVain,
  closed: ladder.unproven,
  undialed: ladder.unproven,
  late: stay,
  probe: ladder.probe,
  backup: ladder.backup,
  'backup-lost': ladder.backupLost,
};

const FALLEN_TABLE: Readonly<Partial<Record<Phase, Row>>> = {
  joining: FALLEN,
  live: { ...FALLEN, nudge: stay, rewind: ladder.rewind },
  reconnecting: FALLEN,
};

function rowOf({ path, phase }: Model): Row {
  return (path === 'hls' ? FALLEN_TABLE[phase] : undefined) ?? TABLE[phase];
}

/** Handles one event. Pure: the same arguments give the same step. */
export function step(model: Model, event: ScreenEvent, context: Context): Step {
  // TypeScript cannot see that the row's cell and the event have the same name.
  const handle = rowOf(model)[event.type] as (m: Model, e: ScreenEvent, c: Context) => Step;
  const { model: next, orders } = handle(model, event, context);
  return { model: ladder.timed(next, context), orders };
}
