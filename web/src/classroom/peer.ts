import { Problem } from '../shared/problem';
import { onServerGone, watchWhep, type WhepSession } from '../shared/whep';
import type { ErrorCode } from './codes';
import type { ScreenEvent } from './model';
import { born, count, examine, type Vitals } from './vitals';

/**
 * The media connection: a thin shell around WHEP that turns what happens into events of the machine. At most one connection is
 * alive; what an older one still says is not heard.
 */

const CHECK_MS = 1000;
const CONNECT_MS = 10_000;
/** Modest: a lecture hall on a LAN, where a longer buffer would only be felt as delay. */
const BUFFER_MS = 120;

export interface PeerOutlet {
  tell(event: ScreenEvent): void;
  /** The tracks of a new connection; the same call with the same tracks makes the decoder start anew. */
  show(stream: MediaStream): void;
}

/** Asks for a short buffer, of sound and picture alike, so that lips stay in sync. */
function shorten(receiver: RTCRtpReceiver): void {
  const tunable = receiver as RTCRtpReceiver & { jitterBufferTarget?: number | null; playoutDelayHint?: number | null };
  if ('jitterBufferTarget' in receiver) tunable.jitterBufferTarget = BUFFER_MS;
  else if ('playoutDelayHint' in tunable) tunable.playoutDelayHint = BUFFER_MS / 1000;
}

/** 406 from WHEP: this browser and the lecture have no codec in common, and trying again will not help. */
function codeOf(problem: Problem): ErrorCode | null {
  return problem.status === 406 ? 'E-22' : null;
}

export class Peer {
  private session: WhepSession | null = null;
  private generation = 0;
  private timer = 0;
  private vitals: Vitals = born(0);
  private checkedAt = 0;
  private openedAt = 0;
  private connected = false;

  constructor(private readonly outlet: PeerOutlet) {}

  get frames(): number {
    return this.vitals.frames;
  }

  get freezes(): number {
    return this.vitals.freezes;
  }

  async dial(url: string, token: string): Promise<void> {
    this.hangUp();
    const generation = ++this.generation;
    try {
      const session = await watchWhep({ url, token, onTrack: (_track, receiver) => shorten(receiver) });
      if (generation === this.generation) this.open(session, generation);
      else session.close();
    } catch (error) {
      if (generation === this.generation) this.failed(error);
    }
  }

  /** Ends the connection and tells the server, which frees the place at once. */
  hangUp(): void {
    this.generation += 1;
    clearInterval(this.timer);
    this.session?.close();
    this.session = null;
  }

  reattach(): void {
    if (this.session !== null) this.outlet.show(new MediaStream(this.session.stream.getTracks()));
  }

  private failed(error: unknown): void {
    const known = error instanceof Problem;
    if (!known) console.error('media connection', error);
    this.outlet.tell({
      type: 'undialed',
      retryAfter: known ? error.retryAfter : null,
      code: known ? codeOf(error) : null,
    });
  }

  private open(session: WhepSession, generation: number): void {
    this.session = session;
    this.connected = false;
    this.openedAt = this.checkedAt = performance.now();
    this.vitals = born(this.openedAt);
    this.outlet.show(session.stream);
    onServerGone(session.pc, () => generation === this.generation && this.ended());
    session.pc.addEventListener('iceconnectionstatechange', () => this.watchIce(session, generation));
    this.timer = window.setInterval(() => void this.check(session, generation), CHECK_MS);
    this.watchIce(session, generation); // on a LAN the checks may have passed before anybody listened
  }

  private ended(): void {
    this.hangUp();
    this.outlet.tell({ type: 'closed' });
  }

  private watchIce({ pc }: WhepSession, generation: number): void {
    if (generation !== this.generation || this.connected) return;
    if (pc.iceConnectionState !== 'connected' && pc.iceConnectionState !== 'completed') return;
    this.connected = true;
    this.vitals = born(performance.now());
    this.outlet.tell({ type: 'connected' });
  }

  private async check({ pc }: WhepSession, generation: number): Promise<void> {
    const now = performance.now();
    if (!this.connected) {
      if (now - this.openedAt > CONNECT_MS) this.abandon();
      return;
    }
    const report = await pc.getStats().catch(() => null); // null: closed meanwhile
    if (generation !== this.generation || report === null) return;
    const counted = count(report);
    const reachable = pc.iceConnectionState === 'connected' || pc.iceConnectionState === 'completed';
    const { vitals, event } = examine(this.vitals, { ...counted, reachable }, now, now - this.checkedAt);
    this.vitals = vitals;
    this.checkedAt = now;
    if (event !== null) this.outlet.tell(event);
  }

  /** ICE did not come about in time. */
  private abandon(): void {
    this.hangUp();
    this.outlet.tell({ type: 'undialed', retryAfter: null, code: null });
  }
}
