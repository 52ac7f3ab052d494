/**
 * The studio's states as one table.
 *
 * 1. **An event that the table does not list raises `IllegalEvent` and changes nothing.**
 * 2. The server's word on the broadcast (`cut`, `ended`) is listed wherever it can arrive; the page never argues with it.
 * 3. Whether the broadcast is live or paused is the server's state, not the studio's: both are `air`.
 */
export type Phase =
  | 'entering' // exchanging the invitation, asking who we are and what the lecture is
  | 'login'
  | 'refused' // the lecture cannot be shown: it says why, with retry
  | 'check' // before air: camera, sound, network, content
  | 'starting' // first publication under way
  | 'asking' // another person is on air and has been asked to hand over
  | 'air'
  | 'lost' // on air, but the picture does not get out; reconnecting for ever
  | 'cut' // stopped by the prefecture
  | 'replaced' // our own account went on air elsewhere, or we handed over
  | 'ended';

export type StudioEvent =
  | 'entered'
  | 'login_needed'
  | 'refused'
  | 'retry'
  | 'start'
  | 'connected'
  | 'start_failed'
  | 'busy'
  | 'allowed'
  | 'denied'
  | 'give_up'
  | 'link_lost'
  | 'replaced'
  | 'cut'
  | 'uncut'
  | 'ended';

type Row = Partial<Record<StudioEvent, Phase>>;

const AIR: Row = { link_lost: 'lost', connected: 'air', replaced: 'replaced', cut: 'cut', ended: 'ended' };

export const TABLE: Readonly<Record<Phase, Row>> = {
  entering: { entered: 'check', login_needed: 'login', refused: 'refused', ended: 'ended', cut: 'cut' },
  login: { retry: 'entering' },
  refused: { retry: 'entering', login_needed: 'login' },
  check: { start: 'starting', cut: 'cut', ended: 'ended', login_needed: 'login' },
  starting: {
    connected: 'air',
    start_failed: 'check',
    busy: 'asking',
    link_lost: 'starting',
    cut: 'cut',
    ended: 'ended',
    login_needed: 'login',
  },
  asking: { allowed: 'starting', denied: 'check', give_up: 'check', cut: 'cut', ended: 'ended' },
  air: AIR,
  lost: { ...AIR, busy: 'replaced', login_needed: 'login' },
  cut: { uncut: 'lost', retry: 'check', ended: 'ended' },
  replaced: { start: 'starting', cut: 'cut', ended: 'ended' },
  ended: {},
};

export class IllegalEvent extends Error {
  constructor(
    readonly phase: Phase,
    readonly event: StudioEvent,
  ) {
    super(`${event} is not expected in ${phase}`);
    this.name = 'IllegalEvent';
  }
}

export function accepts(phase: Phase, event: StudioEvent): boolean {
  return TABLE[phase][event] !== undefined;
}

export function next(phase: Phase, event: StudioEvent): Phase {
  const to = TABLE[phase][event];
  if (to === undefined) throw new IllegalEvent(phase, event);
  return to;
}

/** Phases in which the classes see this studio, or would if the network let them. */
export function onAir(phase: Phase): boolean {
  return phase === 'air' || phase === 'lost';
}
