import { Problem } from '../../shared/problem';
import { onServerGone } from '../../shared/whep';
import type { WhipSession } from '../../shared/whip';
import { delayBefore } from './ladder';

/**
 * The way up, kept open for ever.
 *
 * 1. **Make before break**: a new connection is up before the old one is closed; the server lets the same person take over.
 * 2. A moved network is first met by an ICE restart of the session there is; when that does not help, by a new session.
 * 3. Nothing ends it but `stop`, the server's word that it must end (`Verdict` `stop`), or somebody else on air.
 */
export interface LinkDeps {
  /** Opens a session, up to and including a connected transport. */
  open(): Promise<WhipSession>;
  /** Asked after a failed attempt or a closed session: go on trying, or stop. */
  verdict(problem: Problem | null): Promise<'again' | 'stop'>;
  changed(state: LinkState): void;
  wait(seconds: number): Promise<void>;
  random(): number;
}

export type LinkState = 'idle' | 'connecting' | 'up' | 'down';

const RESTART_SECONDS = 2;
const PATIENCE_MS = 2000;

export class Link {
  private session: WhipSession | null = null;
  /** Number of the present run, 0 when stopped: what was awaited in an older run is thrown away. */
  private run = 0;
  private runs = 0;
  private busy = false;
  private patience = 0;
  /** Every session that this page has had, to know oneself in the server's documents. */
  readonly mine = new Set<string>();

  constructor(private readonly deps: LinkDeps) {}

  get current(): WhipSession | null {
    return this.session;
  }

  /** One attempt, for going on air: throws what went wrong. */
  async start(): Promise<void> {
    this.run = this.runs += 1;
    this.deps.changed('connecting');
    try {
      this.adopt(await this.deps.open());
    } catch (error) {
      this.run = 0;
      this.deps.changed('idle');
      throw error;
    }
  }

  /** Connects again for ever, at once first. A call while one is under way does nothing. */
  async recover(): Promise<void> {
    if (this.busy || this.run === 0) return;
    const run = this.run;
    this.busy = true;
    this.deps.changed('down');
    try {
      if (!(await this.restarted())) await this.climb(run);
    } finally {
      this.busy = false;
    }
  }

  /** Goes on air again after `stop`, without anybody waiting for it: for a broadcast that was cut and resumed. */
  async again(): Promise<void> {
    if (this.run !== 0) return;
    this.run = this.runs += 1;
    await this.recover();
  }

  /** The network changed under us: see whether the session survives, else recover. */
  nudge(): void {
    if (this.session !== null) void this.recover();
  }

  stop(): void {
    this.run = 0;
    clearTimeout(this.patience);
    this.session?.close({ remote: !closedByServer(this.session.pc) });
    this.session = null;
    this.deps.changed('idle');
  }

  private async climb(run: number): Promise<void> {
    let wish = 0;
    for (let attempt = 0; this.run === run; attempt += 1) {
      await this.deps.wait(delayBefore(attempt, this.deps.random(), wish));
      if (this.run !== run) return;
      const problem = await this.attempt(run);
      if (problem === null) return;
      if ((await this.deps.verdict(problem)) === 'stop') return this.stop();
      wish = problem.retryAfter ?? 0;
    }
  }

  private async attempt(run: number): Promise<Problem | null> {
    try {
      const session = await this.deps.open();
      if (this.run === run) this.adopt(session);
      else session.close();
      return null;
    } catch (error) {
      return error instanceof Problem ? error : new Problem(0, 'connection');
    }
  }

  /** Tries to keep the session by an ICE restart; a session that the server has closed cannot be kept. */
  private async restarted(): Promise<boolean> {
    const session = this.session;
    if (session === null || closedByServer(session.pc)) return false;
    try {
      await session.restart();
      await this.deps.wait(RESTART_SECONDS);
    } catch {
      return false; // the server does not know the session any more, or cannot be reached: the ladder decides
    }
    const alive = session.pc.connectionState === 'connected';
    if (alive) this.deps.changed('up');
    return alive;
  }

  private adopt(session: WhipSession): void {
    const former = this.session;
    this.session = session;
    this.mine.add(session.id);
    former?.close({ remote: false });
    this.deps.changed('up');
    onServerGone(session.pc, () => void this.gone(session));
    session.pc.addEventListener('connectionstatechange', () => this.noticed(session));
  }

  private noticed(session: WhipSession): void {
    clearTimeout(this.patience);
    if (session !== this.session || session.pc.connectionState !== 'disconnected') return;
    this.patience = window.setTimeout(() => void this.recover(), PATIENCE_MS);
  }

  private async gone(session: WhipSession): Promise<void> {
    if (session !== this.session) return;
    this.deps.changed('down');
    if ((await this.deps.verdict(null)) === 'stop') this.stop();
    else await this.recover();
  }
}

/** Whether the server has said good-bye: then there is nothing left to keep or to delete. */
function closedByServer(pc: RTCPeerConnection): boolean {
  return pc.connectionState === 'closed' || pc.getSenders()[0]?.transport?.state === 'closed';
}

/** Resolves when the connection is up; rejects when it fails or takes longer than `timeoutMs`. */
export function connected(pc: RTCPeerConnection, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(new Problem(0, 'media_blocked')), timeoutMs);
    const settle = (problem: Problem | null): void => {
      clearTimeout(timer);
      pc.removeEventListener('connectionstatechange', look);
      if (problem === null) resolve();
      else reject(problem);
    };
    const look = (): void => {
      if (pc.connectionState === 'connected') settle(null);
      if (pc.connectionState === 'failed' || pc.connectionState === 'closed') settle(new Problem(0, 'media_blocked'));
    };
    pc.addEventListener('connectionstatechange', look);
    look();
  });
}
