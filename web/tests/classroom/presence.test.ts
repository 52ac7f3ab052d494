import { describe, expect, it } from 'vitest';
import * as check from '../../src/classroom/check';
import * as count from '../../src/classroom/headcount';
import { accepted, claimsOf, due, EMPTY, homeless, MOST, refused, seated, ticked, type Kept, type Outbox } from '../../src/classroom/outbox';
import { add, framesOf, NOTHING, type Look } from '../../src/classroom/witness';
import type { Challenge, Confirmation, ReportAnswer, Reporting } from '../../src/shared/types';

const look = (seconds: number, changes: Partial<Look> = {}): Look => ({
  frames: seconds * 15,
  mediaMs: seconds * 1000,
  visible: true,
  sound: 'on',
  volume: 1,
  ...changes,
});

/** A minute of looks, each changed by `at`. */
function watched(at: (second: number) => Partial<Look>, elapsed = 1000): typeof NOTHING {
  let tally = NOTHING;
  for (let second = 1; second <= 60; second += 1) {
    tally = add(tally, look(second - 1, at(second - 1)), look(second, at(second)), elapsed);
  }
  return tally;
}

describe('what a screen shows', () => {
  it('is a minute when frames go on for a minute', () => {
    expect(watched(() => ({}))).toMatchObject({ renderedMs: 60_000, visibleMs: 60_000, audibleMs: 60_000, mediaMs: 60_000, frames: 900 });
  });

  it('is nothing while the frames stand still, whatever comes in and whatever the clock of the element says', () => {
    expect(watched(() => ({ frames: 77 }))).toMatchObject({ renderedMs: 0, visibleMs: 60_000, frames: 0, mediaMs: 60_000 });
  });

  it('is nothing on a hidden page, or without sound when sound is asked', () => {
    expect(watched(() => ({ visible: false }))).toMatchObject({ renderedMs: 0, visibleMs: 0, audibleMs: 60_000 });
    expect(watched(() => ({ sound: 'muted' }))).toMatchObject({ renderedMs: 60_000, audibleMs: 0, mutedMs: 60_000 });
    expect(watched(() => ({ volume: 0 }))).toMatchObject({ audibleMs: 0, mutedMs: 60_000 });
    expect(watched(() => ({ sound: 'blocked' }))).toMatchObject({ audibleMs: 0, blockedMs: 60_000 });
  });

  it('is told by the time of the element where an engine counts no frames', () => {
    expect(watched(() => ({ frames: null }))).toMatchObject({ renderedMs: 60_000, frames: 0 });
    expect(watched(() => ({ frames: null, mediaMs: 5 }))).toMatchObject({ renderedMs: 0 });
  });

  it('is not what a machine slept through, nor a jump to the live edge', () => {
    expect(watched(() => ({}), 5000)).toMatchObject({ renderedMs: 0, watchedMs: 0 });
    expect(add(NOTHING, look(0), look(1, { mediaMs: 90_000 }), 1000).mediaMs).toBe(0);
    expect(add(NOTHING, null, look(9), 1000)).toMatchObject({ renderedMs: 0, watchedMs: 1000 });
  });

  it('is counted by whatever the engine has', () => {
    const quality = { getVideoPlaybackQuality: () => ({ totalVideoFrames: 90, droppedVideoFrames: 4 }) };
    expect(framesOf(quality as unknown as HTMLVideoElement)).toBe(86);
    expect(framesOf({ webkitDecodedFrameCount: 50, webkitDroppedFrameCount: 5 } as unknown as HTMLVideoElement)).toBe(45);
    expect(framesOf({} as HTMLVideoElement)).toBeNull();
  });
});

const TIMES = { minute: 100, minute_ends_in_s: 40, next_in_s: 45, durable_until: 100, boot_id: 'boot-1' };
const SEAT: Reporting = { ...TIMES, broadcast_id: 'b1', nonce: 'n1', counter: 1, signed: true };
const answer = (changes: Partial<ReportAnswer> = {}): ReportAnswer => ({
  ...TIMES,
  accepted_ms: 1,
  repeated: false,
  nonce: 'n2',
  counter: 2,
  challenge: null,
  confirmation: null,
  ...changes,
});
const FULL = { ...NOTHING, watchedMs: 60_000, renderedMs: 60_000.4 };

const filled = (box: Outbox): Outbox => ({ ...box, tally: FULL });
const dueOf = (box: Outbox, now: number): Kept => {
  const found = due(box, now);
  if (found === null) throw new Error('nothing is due');
  return found;
};
/** A seat of which one minute is over. */
const one = (): Outbox => ticked(filled(seated(EMPTY, SEAT, 0)), 'webrtc', 40_000);

describe('the reports of a screen', () => {
  it('follow the minutes of the server and are sent when it says', () => {
    const box = one();
    expect([box.minute, box.endsAt, box.kept.length]).toEqual([101, 100_000, 1]);
    expect(due(box, 44_999)).toBeNull();
    const kept = dueOf(box, 45_000);
    expect(claimsOf(box, kept)).toMatchObject({ nonce: 'n1', counter: 1, broadcast_id: 'b1', minute: 100, rendered_ms: 60_000, muted: false, path: 'webrtc' });
  });

  it('keep what is accepted until it is durable', () => {
    const box = one();
    const sent = accepted(box, dueOf(box, 45_000), answer({ minute: 101 }), 45_000);
    expect(sent.kept).toHaveLength(1);
    expect(due(sent, 999_999)).toBeNull();
    expect(sent.next).toEqual({ nonce: 'n2', counter: 2 });
    const second = ticked(filled(sent), 'webrtc', 100_000);
    const done = accepted(second, dueOf(second, 110_000), answer({ minute: 102, durable_until: 101 }), 110_000);
    expect(done.kept.map(({ minute }) => minute)).toEqual([101]);
  });

  it('send again what another process may not have, and say so', () => {
    const box = accepted(one(), dueOf(one(), 45_000), answer(), 45_000);
    const moved = seated(box, { ...SEAT, boot_id: 'boot-2', nonce: 'other' }, 50_000);
    expect(moved.next).toEqual({ nonce: 'n2', counter: 2 });
    expect(dueOf(moved, 99_000)).toMatchObject({ minute: 100, tried: true, by: null });
  });

  it('send again what got no answer', () => {
    const box = one();
    const lost = refused(box, dueOf(box, 45_000), { status: 0, code: 'offline', next: null, wait: null }, 45_000);
    expect(due(lost, 54_999)).toBeNull();
    expect(dueOf(lost, 55_000)).toMatchObject({ tried: true });
    expect(lost.next).toEqual({ nonce: 'n1', counter: 1 });
    const busy = refused(box, dueOf(box, 45_000), { status: 503, code: 'busy', next: null, wait: 5 }, 45_000);
    expect(due(busy, 50_000)).not.toBeNull();
  });

  it('go on with the nonce of a refusal, and ask for a place without one', () => {
    const box = one();
    const why = { status: 409, code: 'stale_nonce', next: { nonce: 'n9', counter: 9 }, wait: null };
    expect(refused(box, dueOf(box, 45_000), why, 45_000)).toMatchObject({ next: { nonce: 'n9', counter: 9 }, kept: [{ minute: 100 }] });
    const lost = refused(box, dueOf(box, 45_000), { ...why, next: null }, 45_000);
    expect([homeless(box), homeless(lost)]).toEqual([false, true]);
    expect(seated(lost, { ...SEAT, nonce: 'new' }, 60_000)).toMatchObject({ next: { nonce: 'new', counter: 1 }, kept: [], tally: NOTHING });
  });

  it('drop what the server will never take', () => {
    const box = one();
    const next = { nonce: 'n3', counter: 3 };
    const gone = refused(box, dueOf(box, 45_000), { status: 409, code: 'wrong_minute', next, wait: null }, 45_000);
    expect([gone.kept, gone.next]).toEqual([[], next]);
  });

  it('are thirty at most, and none of a broadcast that is not the one', () => {
    let box = seated(EMPTY, SEAT, 0);
    for (let minute = 0; minute < 40; minute += 1) box = ticked(filled(box), 'hls', 40_000 + minute * 60_000);
    expect(box.kept).toHaveLength(MOST);
    expect(box.kept[0]?.minute).toBe(110);
    expect(seated(box, { ...SEAT, broadcast_id: 'b2' }, 0).kept).toEqual([]);
  });

  it('say nothing of minutes that were slept through', () => {
    const box = ticked(filled(seated(EMPTY, SEAT, 0)), 'webrtc', 40_000 + 5 * 60_000);
    expect([box.minute, box.kept.length, box.tally]).toEqual([106, 1, NOTHING]);
  });
});

const CHALLENGE: Challenge = {
  challenge_id: 'b1-1',
  text: { 'zh-CN': '请点击 7', en: 'Touch 7' },
  tiles: ['3', '7', '1', '9'],
  begins_in_s: 10,
  ends_in_s: 100,
};

describe('a presence check', () => {
  it('is shown from its beginning to its end, unless it was answered', () => {
    const made = check.told(null, CHALLENGE, 'zh-CN', 0);
    expect(made.text).toBe('请点击 7');
    expect([9999, 10_000, 99_999, 100_000].map((now) => check.shown(made, now))).toEqual([false, true, true, false]);
    expect(check.shown({ ...made, done: true }, 20_000)).toBe(false);
    expect([check.secondsLeft(made, 10_000), check.shareLeft(made, 55_000)]).toEqual([90, 0.5]);
  });

  it('is told twice and comes once', () => {
    const made = { ...check.told(null, CHALLENGE, 'en', 0), done: true };
    expect(check.told(made, CHALLENGE, 'en', 5000)).toBe(made);
    expect(check.told(made, { ...CHALLENGE, challenge_id: 'b1-2' }, 'en', 5000).done).toBe(false);
  });
});

const CONFIRMATION: Confirmation = {
  lecture_id: 'L1',
  title: '珍爱生命',
  audience: 'pupils',
  expected: 42,
  opens_in_s: 300,
  closes_in_s: null,
  present: null,
  guests: null,
};

describe('the head-count', () => {
  const slip = count.slipOf(CONFIRMATION, 0);
  const opened = count.open(slip, 0);

  it('counts households of parents, and people of all others', () => {
    expect(slip.households).toBe(false);
    expect(count.slipOf({ ...CONFIRMATION, audience: 'parents' }, 0).households).toBe(true);
  });

  it('is offered in its time', () => {
    expect([299_999, 300_000, 9e9].map((now) => count.offered(slip, now))).toEqual([false, true, true]);
    const over = count.slipOf({ ...CONFIRMATION, opens_in_s: 0, closes_in_s: 60 }, 0);
    expect([59_999, 60_000].map((now) => count.offered(over, now))).toEqual([true, false]);
    expect(count.offered(null, 0)).toBe(false);
  });

  it('is ready with the size of the class, so that one touch is enough', () => {
    expect([opened.present, opened.guests, count.send(opened).at]).toEqual([42, 0, 'sending']);
    expect(count.open({ ...slip, present: 40, guests: 2 }, 0)).toMatchObject({ present: 40, guests: 2 });
  });

  it('is changed by steps and by keys', () => {
    expect(count.step(count.step(opened, 'present', -1), 'present', -1).present).toBe(40);
    expect(count.step({ ...opened, present: 0 }, 'present', -1).present).toBe(0);
    const typed = count.digit(count.digit(opened, 3), 8);
    expect(typed.present).toBe(38);
    expect(count.erase(typed).present).toBe(3);
    expect(count.digit(count.digit(count.digit(count.digit(typed, 9), 9), 9), 9).present).toBe(count.MOST);
    expect(count.digit(count.choose(opened, 'guests'), 2)).toMatchObject({ guests: 2, present: 42 });
  });

  it('refuses more people than there can be, in words', () => {
    const many = count.step(opened, 'present', 1);
    expect([count.tooMany(many), count.send(many).at]).toEqual([true, 'counting']);
    expect(count.tooMany(count.step(many, 'guests', 1))).toBe(false);
  });

  it('thanks and goes away by itself, and goes back to idle when nobody comes', () => {
    const thanks = count.thanked(count.send(opened), 1000);
    expect([count.waited(thanks, 4999).at, count.waited(thanks, 5000)]).toEqual(['thanks', count.CLOSED]);
    expect(count.waited(opened, 599_999).at).toBe('counting');
    expect(count.waited(opened, 600_000)).toBe(count.CLOSED);
    expect(count.failed(count.send(opened), 'offline')).toMatchObject({ at: 'counting', trouble: 'offline' });
  });
});
