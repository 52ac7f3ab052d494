import { api } from '../shared/api';
import type { Who } from '../shared/as-screen';
import type { Locale } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import type { Challenge, Confirmation, Watch } from '../shared/types';
import { CheckBand } from './check-band';
import * as count from './headcount';
import { CLOSED, offered, slipOf, type Count, type Slip } from './headcount';
import { HeadcountPage } from './headcount-page';
import type { Phase } from './model';
import { Reporter, type Seen } from './reporter';

/** What a class gives as evidence of itself, joined: reports, presence checks, the head-count. */

export interface PresenceOutlet {
  readonly locale: Locale;
  who(): Who | null;
  reseat(): void;
}

export class Presence {
  readonly band: CheckBand;
  readonly page: HeadcountPage;
  private readonly reporter: Reporter;
  private slip: Slip | null = null;
  private count: Count = CLOSED;
  private phase: Phase = 'asking';
  /** The lecture whose end has brought up the slate already. */
  private asked = '';

  constructor(private readonly outlet: PresenceOutlet) {
    const { locale } = outlet;
    const who = (): Who | null => outlet.who();
    this.band = new CheckBand(locale, who);
    this.page = new HeadcountPage(locale, {
      step: (field, by) => this.become(count.step(this.count, field, by)),
      choose: (field) => this.become(count.choose(this.count, field)),
      digit: (typed) => this.become(count.digit(this.count, typed)),
      erase: () => this.become(count.erase(this.count)),
      send: () => void this.send(),
      close: () => this.become(CLOSED),
    });
    this.reporter = new Reporter({
      who,
      reseat: () => outlet.reseat(),
      heard: ({ challenge, confirmation }) => {
        this.tell(challenge);
        this.hear(confirmation);
      },
    });
  }

  /** Whether a button for the head-count is to be offered. */
  get offers(): boolean {
    return offered(this.slip, performance.now());
  }

  /** Whether nobody has counted yet. */
  get uncounted(): boolean {
    return this.offers && this.slip?.present === null;
  }

  told(watch: Watch): void {
    this.reporter.seat(watch.reporting, watch.token);
    this.hear(watch.confirmation ?? null);
  }

  tell(challenge: Challenge | null): void {
    this.band.tell(challenge);
  }

  /** Called every second. */
  tick(phase: Phase, seen: Seen | null): void {
    this.reporter.look(seen);
    this.band.tick();
    const now = performance.now();
    const ended = phase === 'ended' && this.phase !== 'ended';
    this.phase = phase;
    if (ended || phase === 'ended') this.offerOnce();
    this.become(count.waited(this.count, now));
  }

  open(): void {
    if (this.offers && this.slip !== null) this.become(count.open(this.slip, performance.now()));
  }

  /** After the end the slate comes up by itself, once. */
  private offerOnce(): void {
    if (!this.uncounted || this.slip === null || this.asked === this.slip.lecture || this.count.at !== 'closed') return;
    this.asked = this.slip.lecture;
    this.open();
  }

  private hear(told: Confirmation | null): void {
    this.slip = told === null ? null : slipOf(told, performance.now());
  }

  private become(next: Count): void {
    if (next === this.count) return;
    this.count = next;
    this.page.render(next);
  }

  private async send(): Promise<void> {
    const who = this.outlet.who();
    const sending = count.send(this.count);
    const { slip, present, guests } = sending;
    this.become(sending);
    if (sending.at !== 'sending' || slip === null || who === null) return;
    try {
      this.hear(await api.confirmRoom(who, slip.lecture, present, guests));
      this.become(count.thanked(this.count, performance.now()));
    } catch (error) {
      this.become(count.failed(this.count, error instanceof Problem ? error.code : 'offline'));
    }
  }
}
