import { api } from '../shared/api';
import { keyOf, type Who } from '../shared/as-screen';
import { sign } from '../shared/device-key';
import { Problem } from '../shared/problem';
import type { ReportAnswer, Reporting, SoundState } from '../shared/types';
import { accepted, claimsOf, due, EMPTY, homeless, refused, seated, ticked, type Kept, type Outbox } from './outbox';
import { add, lookAt, type Look } from './witness';

/** The shell of the reports: looks once a second, sends once a minute, and asks for a place when it has none. */

const RESEAT_MS = 15_000;

export interface Seen {
  readonly video: HTMLVideoElement;
  readonly sound: SoundState;
  readonly path: 'webrtc' | 'hls' | 'replay';
}

export interface ReporterOutlet {
  who(): Who | null;
  heard(answer: ReportAnswer): void;
  /** There is no nonce: `watch` must be asked. */
  reseat(): void;
}

function nextOf({ fields }: Problem): Outbox['next'] {
  const { nonce, counter } = fields;
  return typeof nonce === 'string' && typeof counter === 'number' ? { nonce, counter } : null;
}

export class Reporter {
  private box: Outbox = EMPTY;
  private before: Look | null = null;
  private video: HTMLVideoElement | null = null;
  private lookedAt = 0;
  private path = 'webrtc';
  private busy = false;
  private reseatAt = 0;
  private token = '';

  constructor(private readonly outlet: ReporterOutlet) {}

  /** The token of the broadcast that is reported is kept: its last minute is reported when the lecture is over and nothing is shown. */
  seat(told: Reporting | null | undefined, token: string | null): void {
    if (told == null) return;
    this.box = seated(this.box, told, performance.now());
    this.token = token ?? this.token;
  }

  /** Called every second: `seen` is what a class should be looking at, null while no picture is wanted. */
  look(seen: Seen | null): void {
    const now = performance.now();
    this.box = ticked(this.box, this.path, now);
    if (seen !== null) this.observe(seen, now);
    else this.video = this.before = null;
    this.lookedAt = now;
    this.post(now);
  }

  private observe(seen: Seen, now: number): void {
    const look = lookAt(seen.video, seen.sound);
    const before = seen.video === this.video ? this.before : null;
    if (this.box.broadcast !== null && this.video !== null) {
      this.box = { ...this.box, tally: add(this.box.tally, before, look, now - this.lookedAt) };
    }
    this.video = seen.video;
    this.before = look;
    this.path = seen.path;
  }

  private post(now: number): void {
    if (this.busy) return;
    if (homeless(this.box)) {
      if (now >= this.reseatAt) {
        this.reseatAt = now + RESEAT_MS;
        this.outlet.reseat();
      }
      return;
    }
    const kept = due(this.box, now);
    if (kept !== null) void this.send(kept);
  }

  private async send(kept: Kept): Promise<void> {
    const who = this.outlet.who();
    if (who === null) return;
    this.busy = true;
    try {
      const answer = await api.report(who, this.token, await this.letter(who, kept), kept.tried);
      this.box = accepted(this.box, kept, answer, performance.now());
      this.outlet.heard(answer);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0, 'failed');
      const { status, code, retryAfter: wait } = problem;
      this.box = refused(this.box, kept, { status, code, wait, next: nextOf(problem) }, performance.now());
    } finally {
      this.busy = false;
    }
  }

  private async letter(who: Who, kept: Kept): Promise<unknown> {
    const claims = claimsOf(this.box, kept);
    const key = this.box.signed ? await keyOf(who.screenId) : null;
    return key === null ? claims : sign(key, 'report+jwt', claims);
  }
}
