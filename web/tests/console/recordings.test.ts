import { describe, expect, it } from 'vitest';
import { alarms, ANY, complaints, faults, hours, pick, reviewCounts, reviewOf, reviews, running, settled, watchesDisk } from '../../src/console/state/recordings';
import { format, parse } from '../../src/console/state/route';
import type { RecorderReport, Recording } from '../../src/shared/types';

const recording = (id: string, more: Partial<Recording> = {}): Recording => ({
  id,
  lecture_id: 'L1',
  title: `讲座 ${id}`,
  state: 'ready',
  review: 'pending',
  reviewed_at: null,
  started_at: '2026-11-23T06:00:00Z',
  ended_at: null,
  duration_s: 60,
  bytes: 1,
  sha256: null,
  width: null,
  height: null,
  chapters: [],
  gaps: [],
  problems: [],
  storage: 'local',
  mp4_url: null,
  hls_url: null,
  thumbnail_url: null,
  sprite_url: null,
  thumbs_url: null,
  ...more,
});
const A = recording('a');
const B = recording('b', { review: 'approved', title: 'Robots 机器人' });
const C = recording('c', { state: 'recording' });
const ids = (found: Recording[]): string[] => found.map((one) => one.id);

describe('the shelf', () => {
  it('shows what is wished for', () => {
    expect(ids(pick([A, B, C], ANY))).toEqual(['a', 'b', 'c']);
    expect(ids(pick([A, B, C], { ...ANY, state: 'recording' }))).toEqual(['c']);
    expect(ids(pick([A, B, C], { ...ANY, text: ' robots ' }))).toEqual(['b']);
    expect(ids(pick([A, B, C], { ...ANY, review: 'approved', text: '讲座' }))).toEqual([]);
  });

  it('waits for a review only of what is finished', () => {
    expect([A, B, C].map(reviewOf)).toEqual(['pending', 'approved', null]);
    expect(ids(pick([A, B, C], { ...ANY, review: 'pending' }))).toEqual(['a']);
  });

  it('counts the reviews under the other wishes', () => {
    expect(reviewCounts([A, B, C], { ...ANY, review: 'approved' })).toEqual({ all: 3, pending: 1, approved: 1, withdrawn: 0 });
    expect(reviewCounts([A, B, C], { ...ANY, text: 'robots' })).toEqual({ all: 1, pending: 0, approved: 1, withdrawn: 0 });
  });

  it('knows what still changes', () => {
    expect((['recording', 'degraded', 'finalising', 'ready', 'failed'] as const).map((state) => [running(state), settled(state)])).toEqual([
      [true, false],
      [true, false],
      [false, false],
      [false, true],
      [false, true],
    ]);
  });
});

describe('problems', () => {
  const bad = recording('d', {
    gaps: [
      { at_s: 90, seconds: 12, reason: 'disk_full' },
      { at_s: 30, seconds: 5, reason: 'paused' },
    ],
    problems: ['disk_full', 'packets_lost'],
  });

  it('are told with their places in order, and none twice', () => {
    expect(complaints(bad)).toEqual([
      { code: 'paused', wanted: true, gap: { atS: 30, seconds: 5 } },
      { code: 'disk_full', wanted: false, gap: { atS: 90, seconds: 12 } },
      { code: 'packets_lost', wanted: false, gap: null },
    ]);
  });

  it('are no faults when people wanted them', () => {
    expect(faults(bad).map((one) => one.code)).toEqual(['disk_full', 'packets_lost']);
  });
});

describe('rights', () => {
  it('let the prefecture review and tell the operator of the disk', () => {
    expect([reviews('prefecture_admin'), reviews('operator'), reviews('county_admin')]).toEqual([true, false, false]);
    expect([watchesDisk('operator'), watchesDisk('school_admin'), watchesDisk('lecturer')]).toEqual([true, false, false]);
  });
});

describe('the alarm', () => {
  const report = (more: Partial<RecorderReport>): RecorderReport => ({
    state: 'ok',
    free_bytes: 1,
    total_bytes: 2,
    hours_left: 3,
    open: 1,
    degraded: 0,
    uploads_waiting: 0,
    uploads_failed: 0,
    ...more,
  });

  it('is silent while all is well, and tells the worst of the disk once', () => {
    expect(alarms(report({ uploads_waiting: 4 }))).toEqual([]);
    expect(alarms(report({ state: 'low' }))).toEqual(['low']);
    expect(alarms(report({ state: 'low', degraded: 1 }))).toEqual(['degraded']);
    expect(alarms(report({ state: 'full', degraded: 2, uploads_failed: 1 }))).toEqual(['full', 'uploads']);
  });

  it('never promises more hours than there are', () => {
    expect([0.49, 0.98, 9.99, 38.9, 1234.5].map(hours)).toEqual(['0.4', '0.9', '9.9', '38', '1,234']);
  });
});

describe('addresses of recordings', () => {
  it('survive a round trip', () => {
    for (const hash of ['#/recordings', '#/recordings/a%2Fb']) expect(format(parse(hash))).toBe(hash);
    expect(parse('#/recordings/R1')).toEqual({ page: 'recording', id: 'R1' });
    expect(parse('#/recordings/')).toEqual({ page: 'recordings' });
  });
});
