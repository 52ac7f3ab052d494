import { nextTimer } from '../../src/classroom/ladder';
import { step } from '../../src/classroom/machine';
import { START, type Model, type Order, type ScreenEvent } from '../../src/classroom/model';
import type { BroadcastState, Watch } from '../../src/shared/types';

/** Time is a number that the test moves by hand. */

export function answer(state: BroadcastState, more: Partial<Watch> = {}): Watch {
  const connected = state === 'open' || state === 'live' || state === 'paused';
  return {
    lecture_id: 'L1',
    state,
    whep_url: connected ? '/whep/L1' : null,
    hls_url: null,
    token: state === 'scheduled' ? null : 'watch-token',
    expires_in: 14400,
    boot_id: 'boot-1',
    server_time: '2026-11-23T06:00:00Z',
    screen: { id: 'S1', terminal_no: 1, class: '七（3）班', school: '第一小学', county: '兴义市' },
    lecture: { title: '认识毒品', lecturer: '讲师', scheduled_at: '2026-11-23T06:05:00Z' },
    retry_after: 10,
    ...more,
  };
}

export const NOTHING = answer('ended', { lecture_id: null, lecture: null, token: null, whep_url: null });

/** Drives the machine as the shell does, with a clock and a fixed random number. */
export class Driver {
  model: Model = START;
  now = 1000;
  orders: Order[] = [];

  constructor(readonly random = 0.5) {}

  tell(...events: ScreenEvent[]): this {
    for (const event of events) {
      const result = step(this.model, event, { now: this.now, random: this.random });
      this.model = result.model;
      this.orders.push(...result.orders);
    }
    return this;
  }

  /** Lets `seconds` pass, asking when it is time to; the questions stay unanswered. */
  pass(seconds: number): this {
    const end = this.now + seconds * 1000;
    for (let next = nextTimer(this.model); next !== null && next.at <= end; next = nextTimer(this.model)) {
      this.now = Math.max(this.now, next.at);
      this.tell(next.event);
    }
    this.now = end;
    return this;
  }

  told(state: BroadcastState, more: Partial<Watch> = {}): this {
    return this.tell({ type: 'due' }, { type: 'told', watch: answer(state, more) });
  }

  did(name: Order['do']): number {
    return this.orders.filter((order) => order.do === name).length;
  }

  forget(): this {
    this.orders = [];
    return this;
  }
}

export const live = (random?: number): Driver =>
  new Driver(random).told('live').tell({ type: 'connected' }, { type: 'picture' }).forget();

/** The address of the backup line of a lecture that is recorded. */
export const HLS = '/hls/L1/index.m3u8';

/** A screen whose picture comes by the backup line. */
export const fallen = (random?: number): Driver =>
  new Driver(random).told('live', { hls_url: HLS }).pass(5).tell({ type: 'backup', seconds: 0 }).forget();
