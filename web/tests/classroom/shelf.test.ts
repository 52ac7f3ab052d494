import { describe, expect, it } from 'vitest';
import { flawsOf } from '../../src/classroom/flaws';
import { CARDS, CLOSED, pagesOf, shelve, shown, type Shelf, type ShelfEvent } from '../../src/classroom/shelf';
import { project } from '../../src/classroom/view';
import { START } from '../../src/classroom/model';
import type { Recording } from '../../src/shared/types';
import { answer, NOTHING } from './driver';

const recording = (id: string): Recording => ({
  id,
  lecture_id: 'L1',
  title: `讲座 ${id}`,
  state: 'ready',
  review: 'approved',
  reviewed_at: null,
  started_at: '2026-11-23T06:00:00Z',
  ended_at: null,
  duration_s: 2712,
  bytes: 1,
  sha256: null,
  width: 1280,
  height: 720,
  chapters: [],
  gaps: [],
  problems: [],
  storage: 'local',
  mp4_url: null,
  hls_url: null,
  thumbnail_url: null,
  sprite_url: null,
  thumbs_url: null,
});

const items = Array.from({ length: 14 }, (_, i) => recording(String(i)));
const tick = (onAir = false, playing = false): ShelfEvent => ({ type: 'tick', onAir, playing });

function after(...events: ShelfEvent[]): Shelf {
  return events.reduce((shelf, event) => shelve(shelf, event, 0), CLOSED);
}

const listed = (): Shelf => after({ type: 'open' }, { type: 'loaded', items });

describe('the shelf', () => {
  it('turns pages that end where the recordings end', () => {
    let shelf = listed();
    expect([shelf.at, pagesOf(items), shown(shelf).length]).toEqual(['list', 3, CARDS]);
    for (let i = 0; i < 5; i += 1) shelf = shelve(shelf, { type: 'turn', by: 1 }, 0);
    expect(shown(shelf).map(({ id }) => id)).toEqual(['12', '13']);
    for (let i = 0; i < 5; i += 1) shelf = shelve(shelf, { type: 'turn', by: -1 }, 0);
    expect(shelf.page).toBe(0);
    expect([pagesOf([]), shown(after({ type: 'open' }, { type: 'loaded', items: [] }))]).toEqual([1, []]);
  });

  it('opens one, comes back to the same page, and leaves', () => {
    const chosen = items[7] as Recording;
    const turned = shelve(listed(), { type: 'turn', by: 1 }, 0);
    const watching = shelve(shelve(turned, { type: 'choose', recording: chosen }, 0), { type: 'opened' }, 0);
    expect(watching.at).toBe('watching');
    const back = shelve(watching, { type: 'back' }, 0);
    expect([back.at, back.page, back.chosen]).toEqual(['list', 1, null]);
    expect(shelve(back, { type: 'back' }, 0)).toEqual(CLOSED);
  });

  it('tries again what failed: the list, or the recording', () => {
    const list = after({ type: 'open' }, { type: 'failed', code: 'offline' });
    expect([list.at, list.code, shelve(list, { type: 'retry' }, 0).at]).toEqual(['trouble', 'offline', 'loading']);
    const one = shelve(shelve(listed(), { type: 'choose', recording: recording('x') }, 0), { type: 'failed', code: 'forbidden' }, 0);
    expect([one.at, shelve(one, { type: 'retry' }, 0).at, shelve(one, { type: 'back' }, 0).at]).toEqual(['trouble', 'opening', 'list']);
  });

  it('hears nothing that comes after it was closed', () => {
    for (const event of [{ type: 'loaded', items }, { type: 'opened' }, { type: 'failed', code: 'x' }, tick(true)] as ShelfEvent[]) {
      expect(shelve(CLOSED, event, 5)).toBe(CLOSED);
    }
  });

  it('announces a lecture for ten seconds and makes way, unless it ends meanwhile', () => {
    const announced = shelve(listed(), tick(true), 1000);
    expect(announced.returnAt).toBe(11_000);
    expect(shelve(announced, tick(true, true), 10_900).at).toBe('list');
    expect(shelve(announced, tick(true, true), 11_000)).toEqual(CLOSED);
    expect(shelve(announced, tick(false), 5000).returnAt).toBeNull();
    expect(shelve(announced, { type: 'leave' }, 2000)).toEqual(CLOSED);
  });

  it('closes after ten minutes without a touch, but not while something plays', () => {
    expect(shelve(listed(), tick(), 599_000).at).toBe('list');
    expect(shelve(listed(), tick(), 600_000)).toEqual(CLOSED);
    const played = shelve(listed(), tick(false, true), 3_000_000);
    expect(played.at).toBe('list');
    expect(shelve(played, tick(), 3_599_000).at).toBe('list');
    const touched = shelve(listed(), { type: 'touched' }, 500_000);
    expect(shelve(touched, tick(), 1_000_000).at).toBe('list');
  });
});

describe('what is wrong with a recording', () => {
  it('is said in words, once each, with how much is missing', () => {
    const gaps = [
      { at_s: 10, seconds: 5, reason: 'disk_full' },
      { at_s: 90, seconds: 7.2, reason: 'disk_full' },
    ] as Recording['gaps'];
    const problems = ['disk_full', 'something_new', 'something_else'];
    expect(flawsOf({ gaps, problems }, 'zh-CN')).toEqual(['中间缺 0 分 12 秒', '部分内容没有录下', '部分内容可能不完整']);
    expect(flawsOf({ gaps: [], problems: [] }, 'en')).toEqual([]);
  });
});

describe('看回放', () => {
  const offered = (state: Parameters<typeof answer>[0], now: number | null, phase: 'waiting' | 'ended' | 'unscheduled' | 'cut'): boolean =>
    project({ ...START, phase, watch: phase === 'unscheduled' ? NOTHING : answer(state) }, { entered: true, sound: 'on', now }).slate?.replay ?? false;
  const start = Date.parse('2026-11-23T06:05:00Z');

  it('is offered where there is time for it', () => {
    expect([offered('ended', null, 'ended'), offered('ended', null, 'unscheduled'), offered('cut', null, 'cut')]).toEqual([true, true, false]);
    expect(offered('scheduled', start - 3_600_000, 'waiting')).toBe(true);
    expect(offered('scheduled', start - 300_000, 'waiting')).toBe(false);
    expect([offered('open', start - 3_600_000, 'waiting'), offered('scheduled', null, 'waiting')]).toEqual([false, false]);
  });
});
