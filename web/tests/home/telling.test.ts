import { describe, expect, it } from 'vitest';
import type { Phase, Visit } from '../../src/home/server';
import { spread, tell, tellTrouble } from '../../src/home/telling';
import { WORDS } from '../../src/home/words';
import { Problem } from '../../src/shared/problem';
import { unusedKeys } from '../shared/words';

const BEGIN = Date.parse('2026-11-23T11:00:00Z');
const visit = (phase: Phase, more: Partial<Visit> = {}): Visit => ({
  phase,
  title: '家长课堂',
  lecturer: '李老师',
  school: '一小',
  class_name: '二(1)班',
  scheduled_at: new Date(BEGIN).toISOString(),
  minutes: 45,
  until: null,
  server_time: '',
  again_s: 20,
  watch: null,
  household: null,
  ...more,
});
const PASS = { hls_url: '/hls/1/index.m3u8', token: 't', expires_in: 900, live: true };

describe('before the lecture', () => {
  it('counts down, and asks again when it is time', () => {
    expect(tell(visit('before'), BEGIN - 3_661_000)).toMatchObject({ head: 'before', digits: '01:01:01', again: 20 });
    expect(tell(visit('before'), BEGIN - 12_000)).toMatchObject({ digits: '00:00:12', again: 12 });
    expect(tell(visit('before'), BEGIN - 500).again).toBe(3);
  });

  it('says that it is about to begin when its time has come', () => {
    expect(tell(visit('before'), BEGIN + 60_000)).toMatchObject({ head: 'soon', digits: '', again: 10 });
  });
});

describe('the lecture', () => {
  it('is connecting until there is something to play', () => {
    expect(tell(visit('live', { again_s: 3 }), BEGIN)).toMatchObject({ head: 'joining', again: 3 });
    expect(tell(visit('live', { watch: PASS }), BEGIN)).toMatchObject({ head: 'live', next: 'live.next', again: 20 });
  });

  it('says until when the recording can be watched', () => {
    const told = tell(visit('replay', { until: '2026-12-07T12:00:00Z', watch: { ...PASS, live: false } }), BEGIN);
    expect(told.params).toEqual({ until: '2026-12-07 20:00' });
  });

  it('asks no more when nothing will change', () => {
    expect(tell(visit('over'), BEGIN).again).toBeNull();
    expect(tell(visit('called_off'), BEGIN).again).toBeNull();
    for (const phase of ['paused', 'cut', 'preparing'] as const) expect(tell(visit(phase), BEGIN)).toMatchObject({ head: phase, again: 20 });
  });
});

describe('trouble', () => {
  it('is final where the link is', () => {
    for (const [status, code, head] of [[404, 'no_such_link', 'wrong'], [410, 'link_replaced', 'replaced'], [409, 'class_full', 'full'], [422, 'invalid', 'wrong']] as const)
      expect(tellTrouble(new Problem(status, code))).toMatchObject({ head, again: null });
  });

  it('is tried again where it is not, when the server says', () => {
    expect(tellTrouble(new Problem(429, 'too_many_new', {}, 40))).toMatchObject({ head: 'often', params: { seconds: 40 }, again: 40 });
    expect(tellTrouble(new Problem(503, 'home_busy', {}, 30))).toMatchObject({ head: 'busy', again: 30 });
    expect(tellTrouble(new Problem(0, 'offline'))).toMatchObject({ head: 'trouble', again: 10 });
    expect(tellTrouble(new Problem(500, 'http_500', {}, 0)).again).toBe(3);
  });
});

it('spreads questions by a fifth at most', () => {
  expect(spread(10, 0)).toBe(10_000);
  expect(spread(10, 0.999)).toBeLessThan(12_000);
});

it('uses every sentence', () => {
  const made = /^(live|paused|cut|preparing|replay|over|called_off|wrong|replaced|full)(\.next)?$/;
  expect(unusedKeys(Object.keys(WORDS['zh-CN']).filter((key) => !made.test(key)), ['src/home'])).toEqual([]);
});
