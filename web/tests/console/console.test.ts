import { describe, expect, it } from 'vitest';
import { classState, countySums, merge, pick, schoolState, silent, sums } from '../../src/console/state/board';
import { fileName, receiptOf } from '../../src/console/state/download';
import { delay, megabits, rate, share } from '../../src/console/state/figures';
import { HOLD_MS, progress } from '../../src/console/state/hold';
import { possible } from '../../src/console/state/orders';
import { opens, placeOf, PLACES, tabOf, tabs } from '../../src/console/state/places';
import { format, parse } from '../../src/console/state/route';
import { en } from '../../src/console/words/en';
import { zh, type Key } from '../../src/console/words/zh';
import { bytes, clock, dateTime, duration, ratio } from '../../src/shared/format';
import { unusedKeys } from '../shared/words';
import type { Board, BoardClass, BoardCounty, BoardSchool, BoardScreen, ScreenState } from '../../src/shared/types';

const screen = (id: string, state: ScreenState, more: Partial<BoardScreen> = {}): BoardScreen => ({
  id,
  terminal_no: 1,
  state,
  kbps: 0,
  loss: 0,
  rtt_ms: null,
  since: null,
  last_seen_at: null,
  path: null,
  hints: {},
  ...more,
});
const room = (id: string, ...screens: BoardScreen[]): BoardClass => ({ id, name: `七（${id}）班`, screens });
const school = (code: string, ...classes: BoardClass[]): BoardSchool => ({ code, name: `第${code}中学`, classes });

const A = school('1', room('1', screen('a', 'receiving')), room('2', screen('b', 'lost')));
const B = school('2', room('3', screen('c', 'receiving', { hints: { sound: 'blocked' } })));
const C = school('3', room('4', screen('d', 'none')), room('5'));
const X: BoardCounty = { code: 'X', name: '兴义市', schools: 2, classes: 3, watching: 2, schools_items: [A, B] };
const Y: BoardCounty = { code: 'Y', name: '普安县', schools: 1, classes: 2, watching: 0, schools_items: [C] };
const BOARD: Board = {
  updated_at: '2026-11-23T06:00:00Z',
  totals: { classes: 5, watching: 2, schools: 3, schools_watching: 2 },
  counties: [X, Y],
};

describe('the board', () => {
  it('takes the best screen of a class and all classes of a school', () => {
    expect(classState(room('1', screen('a', 'lost'), screen('b', 'receiving')))).toBe('receiving');
    expect(classState(room('1'))).toBe('none');
    expect([A, B, C].map(schoolState)).toEqual(['some', 'all', 'none']);
    expect(schoolState(school('4', room('1', screen('a', 'connected'), screen('b', 'lost'))))).toBe('connected');
    expect(schoolState(school('5', room('1', screen('a', 'lost')), room('2')))).toBe('lost');
  });

  it('sums up by county and over all', () => {
    expect(countySums(X)).toMatchObject({ watching: 2, full: 1, part: 1, schools: 2, classes: 3 });
    expect(sums(BOARD)).toEqual({
      schools: 3,
      schoolsWatching: 2,
      classes: 5,
      classesWatching: 2,
      screens: 4,
      receiving: 2,
      lost: 1,
      silent: 1,
    });
  });

  it('counts silence only where a picture is', () => {
    expect(silent(screen('a', 'receiving', { hints: { sound: 'muted' } }))).toBe(true);
    expect(silent(screen('a', 'lost', { hints: { sound: 'muted' } }))).toBe(false);
    expect(silent(screen('a', 'receiving', { hints: null }))).toBe(false);
  });

  it('puts pushed rows in and leaves everything else the same object', () => {
    const next = merge(BOARD, [{ id: 'b', state: 'receiving', kbps: 1200 }]);
    expect(sums(next).classesWatching).toBe(3);
    expect(next.counties[1]).toBe(Y);
    expect(next.counties[0]?.schools_items[1]).toBe(B);
    expect(next.counties[0]?.schools_items[0]?.classes[0]).toBe(A.classes[0]);
    expect(merge(BOARD, [{ id: 'unknown', state: 'lost' }])).toBe(BOARD);
    expect(sums(BOARD).classesWatching).toBe(2);
  });

  it('finds schools by state, by name and by class', () => {
    expect(pick(X, 'all', '')).toEqual([B]);
    expect(pick(X, null, ' 七（2） ')).toEqual([A]);
    expect(pick(X, null, '兴义')).toEqual([A, B]);
    expect(pick(X, 'lost', '')).toEqual([]);
  });
});

describe('numbers', () => {
  it('stand with their denominators', () => {
    expect(ratio(1652, 1675, 'zh-CN')).toBe('1,652 / 1,675（98.63%）');
    expect(ratio(1652, 1675, 'en')).toBe('1,652 / 1,675 (98.63%)');
    expect(ratio(0, 0, 'zh-CN')).toBe('0 / 0');
  });

  it('are written the way people read them', () => {
    expect(duration(2712, 'zh-CN')).toBe('45 分 12 秒');
    expect(clock(3751)).toBe('01:02:31');
    expect(dateTime('2026-11-23T06:05:59Z')).toBe('2026-11-23 14:05');
    expect([bytes(999), bytes(512_345_678)]).toEqual(['999 B', '512.3 MB']);
    expect([rate(1432), rate(0), rate(null)]).toEqual(['1,432 kb/s', '–', '–']);
    expect([share(0), share(0.013), share(0.25), share(null)]).toEqual(['0%', '1.3%', '25%', '–']);
    expect([delay(18.4), delay(null), megabits(1_432_000)]).toEqual(['18 ms', '–', '1.43 Mb/s']);
  });
});

describe('holding', () => {
  it('is done after a second, not before, and forgets when let go', () => {
    expect(progress(null, 5000)).toBe(0);
    expect(progress(1000, 1000 + HOLD_MS / 2)).toBe(0.5);
    expect(progress(1000, 1999)).toBeLessThan(1);
    expect(progress(1000, 2000)).toBe(1);
  });
});

describe('orders', () => {
  it('offers what the state allows', () => {
    expect(possible('scheduled', 'operator')).toEqual(['open']);
    expect(possible('live', 'prefecture_admin')).toEqual(['pause', 'end', 'cut']);
    expect(possible('ended', 'prefecture_admin')).toEqual([]);
  });

  it('leaves cutting and resuming after a cut to prefecture and operators', () => {
    expect(possible('live', 'lecturer')).toEqual(['pause', 'end']);
    expect(possible('cut', 'lecturer')).toEqual(['end']);
    expect(possible('cut', 'operator')).toEqual(['resume', 'end']);
    expect(possible('live', 'county_admin')).toEqual([]);
  });
});

describe('addresses', () => {
  it('say where one is and survive a round trip', () => {
    for (const hash of ['#/lectures', '#/lectures/L1', '#/lectures/L1/recordings', '#/lectures/a%20b/exports', '#/', '#/directory/522301', '#/screens?state=idle&q=a+b']) {
      expect(format(parse(hash))).toBe(hash);
    }
    expect(parse('#/lectures/L1/nonsense')).toEqual({ page: 'lecture', id: 'L1', tab: 'board' });
    expect(parse('')).toEqual({ page: 'home' });
    expect(parse('#/nowhere')).toEqual({ page: 'home' });
    expect(parse('#/audit/x')).toEqual({ page: 'audit' });
    expect(parse('#/lectures/100%')).toMatchObject({ page: 'lecture', id: '100%' });
    expect(parse('#/directory')).toEqual({ page: 'directory' });
    expect(parse('#/schools?county=522301')).toEqual({ page: 'home' });
  });
});

describe('places', () => {
  it('show what a person may open, and nothing of a place without any of it', () => {
    const lecturer = ['lecture.read', 'lecture.edit'] as const;
    expect(PLACES.map((place) => tabs(place, lecturer))).toEqual([['home'], ['lectures', 'calendar'], [], [], [], []]);
    expect(opens('account', [])).toBe(true);
    expect(opens('audit', ['person.read'])).toBe(false);
  });

  it('know where a page lies', () => {
    expect(placeOf('school')?.name).toBe('directory');
    expect(placeOf('account')).toBeUndefined();
    const below = PLACES.flatMap((place) => place.inside.map((page) => [place, page] as const));
    for (const [place, page] of below) expect(page === 'alerts' || place.pages.includes(tabOf(page))).toBe(true);
  });
});

describe('file names', () => {
  it('come from the server, in Chinese', () => {
    expect(fileName("attachment; filename*=UTF-8''%E7%8F%AD%E7%BA%A7.csv", 'x')).toBe('班级.csv');
    expect(fileName('attachment; filename="03.csv"', 'x')).toBe('03.csv');
    expect(fileName(null, '03.csv')).toBe('03.csv');
    const told = new Headers({ 'X-Report-As-Of': '2026-11-23T06:05:00+00:00', 'X-Report-Policy': '3', 'X-Report-Checksum': 'ab12' });
    expect(receiptOf(told, '03.csv')).toEqual({ file: '03.csv', asOf: '2026-11-23T06:05:00+00:00', policy: '3', checksum: 'ab12' });
    expect(receiptOf(new Headers(), 'x.csv').checksum).toBe('');
  });
});

describe('the words', () => {
  const params = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

  it('exist in both languages, with the same parameters and no Chinese in English', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const key of Object.keys(zh) as Key[]) {
      expect(params(en[key]), key).toEqual(params(zh[key]));
      expect(en[key], key).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });
});

describe('keys', () => {
  it('are all used', () => {
    // Those of problems are for every page; a table asks for `<its name>.total`.
    const own = Object.keys(zh).filter((key) => !/^problem\.|\.total$/.test(key));
    expect(unusedKeys(own, ['src/console', 'src/shared'])).toEqual([]);
  });
});
