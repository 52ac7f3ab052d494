import { describe, expect, it } from 'vitest';
import { choose, cover, coveredBy, drop, type Node } from '../../src/console/state/audience';
import {
  bands,
  byDay,
  crowding,
  hoursOf,
  lanes,
  monthDays,
  spanOf,
  standingOf,
  step,
  termOn,
  termParts,
  termsFor,
  weekDays,
} from '../../src/console/state/calendar';
import { queryOf } from '../../src/console/state/lectureList';
import { blank, changesOf, differing, faults, formOf, merge, orderOf, sendsBack, type Form } from '../../src/console/state/plan';
import { addDays, addMonths, dayOf, endOf, instant, isDay, minuteOf, momentOf, monday, secondOf, stampOf, timeOf, weekday } from '../../src/shared/localTime';
import type { Planned } from '../../src/shared/plans';

const PREFECTURE: Node = { code: '522300', name: '州', level: 'prefecture', parent: null };
const COUNTY: Node = { code: '522301', name: '甲县', level: 'county', parent: '522300' };
const OTHER: Node = { code: '522323', name: '乙县', level: 'county', parent: '522300' };
const SCHOOL: Node = { code: '2152900001', name: '一小', level: 'school', parent: '522301' };
const NOW = Date.parse('2026-11-28T06:00:00Z');

describe('local time', () => {
  it('is that of China whatever the machine says', () => {
    expect(instant('2026-11-23', '14:05')).toBe('2026-11-23T06:05:00.000Z');
    expect(instant('2026-01-01', '00:30')).toBe('2025-12-31T16:30:00.000Z');
    expect(momentOf('2026-11-23 14:05')).toBe('2026-11-23T06:05:00.000Z');
    expect(stampOf('2026-11-23T16:05:00Z')).toBe('2026-11-24 00:05');
    expect(secondOf('2026-11-23T06:05:31.250Z')).toBe('2026-11-23 14:05:31');
    expect(momentOf('2026-11-23 14:05:31')).toBe('2026-11-23T06:05:31.000Z');
    expect([momentOf('2026-11-23 14:05:61'), secondOf('')]).toEqual(['', '']);
    expect([momentOf(''), stampOf(''), momentOf('2026-11-23')]).toEqual(['', '', '']);
    expect(dayOf('2025-12-31T16:30:00Z')).toBe('2026-01-01');
    expect(timeOf('2025-12-31T16:30:00Z')).toBe('00:30');
    expect(minuteOf('2025-12-31T16:30:00Z')).toBe(30);
    expect(endOf('2026-11-23T15:40:00Z', 40)).toBe('00:20');
  });

  it('comes back as it went for every minute around midnight', () => {
    for (let minute = 0; minute < 1440; minute += 7) {
      const time = `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
      const iso = instant('2028-02-29', time);
      expect([dayOf(iso), timeOf(iso), minuteOf(iso)]).toEqual(['2028-02-29', time, minute]);
    }
  });

  it('knows no day and no hour that does not exist', () => {
    expect(['2026-02-29', '2026-13-01', '2026-1-1', '', 'today'].map(isDay)).toEqual([false, false, false, false, false]);
    expect([instant('2026-02-29', '08:00'), instant('2026-02-28', '24:00'), instant('2026-02-28', '8:00'), instant('2026-02-28', '')]).toEqual(['', '', '', '']);
  });

  it('counts days over months and years', () => {
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
    expect(addDays('2028-03-01', -1)).toBe('2028-02-29');
    expect(addMonths('2026-01-31', 1)).toBe('2026-02-28');
    expect(addMonths('2026-03-31', -1)).toBe('2026-02-28');
    expect(addMonths('2026-12-15', 1)).toBe('2027-01-15');
    expect(addMonths('2026-01-15', -1)).toBe('2025-12-15');
    expect([weekday('2026-11-23'), weekday('2026-11-29'), monday('2026-11-29'), monday('2026-11-23')]).toEqual([0, 6, '2026-11-23', '2026-11-23']);
  });
});

describe('the grid of days', () => {
  it('holds a month in whole weeks from Monday', () => {
    expect([monthDays('2026-11-15')[0], monthDays('2026-11-15').at(-1), monthDays('2026-11-15').length]).toEqual(['2026-10-26', '2026-12-06', 42]);
    expect(monthDays('2027-02-10')).toHaveLength(28); // begins on a Monday and has four weeks
    for (let i = 0; i < 48; i += 1) {
      const month = addMonths('2026-01-01', i);
      const days = monthDays(month);
      expect([days.length % 7, weekday(days[0] ?? ''), days.includes(month), days.includes(addDays(addMonths(month, 1), -1))]).toEqual([0, 0, true, true]);
    }
    expect(weekDays('2026-12-31')).toEqual(['2026-12-28', '2026-12-29', '2026-12-30', '2026-12-31', '2027-01-01', '2027-01-02', '2027-01-03']);
  });

  it('asks the server for the local days, no minute more', () => {
    expect(spanOf(weekDays('2026-11-25'))).toEqual({ since: '2026-11-22T16:00:00.000Z', until: '2026-11-29T16:00:00.000Z' });
  });

  it('is walked by keys', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown', 'a'];
    expect(keys.map((key) => step('2026-12-31', key))).toEqual([
      '2026-12-30',
      '2027-01-01',
      '2026-12-24',
      '2027-01-07',
      '2026-12-28',
      '2027-01-03',
      '2026-11-30',
      '2027-01-31',
      undefined,
    ]);
  });
});

const timed = (id: string, at: string, minutes = 40) => ({ id, scheduled_at: instant('2026-11-30', at), minutes });

describe('lectures in the calendar', () => {
  it('stand on their local day in the order of their times', () => {
    const late = { id: 'late', scheduled_at: '2026-11-30T16:10:00Z', minutes: 40 };
    expect([...byDay([late, timed('b', '10:00'), timed('a', '08:00')])].map(([day, all]) => [day, all.map((one) => one.id)])).toEqual([
      ['2026-11-30', ['a', 'b']],
      ['2026-12-01', ['late']],
    ]);
  });

  it('stand side by side where they share time, and only there', () => {
    const placed = lanes([timed('a', '10:00'), timed('b', '10:20'), timed('c', '10:40'), timed('d', '11:20')]);
    expect(placed.map(({ lecture, lane, lanes: wide }) => [lecture.id, lane, wide])).toEqual([
      ['a', 0, 2],
      ['b', 1, 2],
      ['c', 0, 2],
      ['d', 0, 1],
    ]);
    expect(lanes([timed('night', '23:40', 60)])[0]).toMatchObject({ from: 1420, to: 1440 });
    expect([...crowding([timed('a', '10:00'), timed('b', '10:40'), timed('c', '10:39')])]).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ]);
  });

  it('open the hours that they need', () => {
    expect(hoursOf([])).toEqual({ from: 8, to: 18 });
    expect(hoursOf([timed('a', '06:50'), timed('b', '19:30', 45)])).toEqual({ from: 6, to: 21 });
    expect(hoursOf([timed('a', '23:30', 60)])).toEqual({ from: 8, to: 24 });
  });

  it('have one standing', () => {
    const lecture = { review: 'approved', called_off_at: null, state: 'scheduled' } as const;
    expect(standingOf(lecture)).toBe('approved');
    expect(standingOf({ ...lecture, called_off_at: '2026-11-28T06:00:00Z' })).toBe('off');
    expect((['live', 'paused', 'cut', 'ended', 'archived'] as const).map((state) => standingOf({ ...lecture, state }))).toEqual(['live', 'live', 'live', 'ended', 'ended']);
  });
});

describe('terms', () => {
  const terms = [
    { region: '522300', code: '2026-2027-1', starts_on: '2026-09-01', ends_on: '2027-01-20' },
    { region: '522300', code: '2026-2027-2', starts_on: '2027-02-20', ends_on: '2027-07-10' },
    { region: '522301', code: '2026-2027-1', starts_on: '2026-09-03', ends_on: '2027-01-18' },
  ];

  it('are the own ones, else those above', () => {
    expect(termsFor(terms, '522301', '522300')).toEqual([terms[2]]);
    expect(termsFor(terms, '522323', '522300')).toEqual(terms.slice(0, 2));
  });

  it('lie in a week from their first to their last day', () => {
    const band = (day: string) => bands(terms.slice(0, 2), weekDays(day));
    expect(band('2026-09-01')).toEqual([{ code: '2026-2027-1', from: 1, to: 6, begins: true, ends: false }]);
    expect(band('2027-01-20')).toEqual([{ code: '2026-2027-1', from: 0, to: 2, begins: false, ends: true }]);
    expect(band('2026-11-25')).toEqual([{ code: '2026-2027-1', from: 0, to: 6, begins: false, ends: false }]);
    expect(band('2027-02-01')).toEqual([]);
    expect([termOn(terms, '2027-01-20')?.code, termOn(terms, '2027-02-01')]).toEqual(['2026-2027-1', undefined]);
  });

  it('are read from their codes', () => {
    expect(termParts('2026-2027-2')).toEqual({ from: '2026', to: '2027', half: '2' });
    expect(termParts('spring')).toBeNull();
  });
});

describe('an audience', () => {
  it('holds nothing that something else in it covers', () => {
    expect(choose([SCHOOL, OTHER], COUNTY)).toEqual([OTHER, COUNTY]);
    expect(choose([SCHOOL, COUNTY, OTHER], PREFECTURE)).toEqual([PREFECTURE]);
    expect(choose([COUNTY], SCHOOL)).toEqual([COUNTY]);
    expect(choose([OTHER], SCHOOL)).toEqual([OTHER, SCHOOL]);
    expect(choose([OTHER], OTHER)).toEqual([OTHER]);
    expect(drop([OTHER, SCHOOL], SCHOOL.code)).toEqual([OTHER]);
  });

  it('covers all, some or none of a node', () => {
    expect([cover([SCHOOL], COUNTY), cover([SCHOOL], PREFECTURE), cover([SCHOOL], OTHER)]).toEqual(['some', 'some', 'none']);
    expect([cover([COUNTY], SCHOOL), cover([PREFECTURE], SCHOOL), cover([OTHER], SCHOOL)]).toEqual(['all', 'all', 'none']);
    expect(coveredBy([PREFECTURE], SCHOOL)).toEqual(PREFECTURE);
  });
});

const FULL: Form = {
  ...blank('2026-12-01', '10:00'),
  title: '远离毒品',
  summary: '讲稿',
  lecturer_id: 'u1',
  lecturer_name: '周老师',
  audience: [COUNTY],
};

describe('a plan', () => {
  it('says what is wrong with each field', () => {
    expect(faults(blank(), NOW, true, null)).toEqual({
      title: 'title.missing',
      summary: 'summary.missing',
      lecturer: 'lecturer.missing',
      when: 'day.missing',
      audience: 'audience.missing',
    });
    expect(faults(FULL, NOW, true, null)).toEqual({});
    expect(faults({ ...FULL, summary: ' ' }, NOW, false, null)).toEqual({});
    expect(faults({ ...FULL, title: '长'.repeat(65) }, NOW, false, null)).toEqual({ title: 'title.long' });
    expect(faults({ ...FULL, time: '' }, NOW, false, null)).toEqual({ when: 'time.missing' });
    expect([4, 5, 240, 241, 7.5].map((minutes) => faults({ ...FULL, minutes }, NOW, false, null).minutes)).toEqual(['minutes.range', undefined, undefined, 'minutes.range', 'minutes.range']);
  });

  it('is not put into the past, but may stay there', () => {
    const past = { ...FULL, day: '2026-11-28', time: '13:59' };
    expect(faults(past, NOW, false, null)).toEqual({ when: 'when.past' });
    expect(faults({ ...past, title: '另一个' }, NOW, false, past)).toEqual({});
    expect(faults({ ...past, time: '14:00' }, NOW, false, past)).toEqual({});
  });

  it('is sent as the server takes it, changes alone', () => {
    expect(orderOf({ ...FULL, title: '  远离 \n 毒品 ', audience: [OTHER, COUNTY] })).toMatchObject({
      title: '远离 毒品',
      scheduled_at: '2026-12-01T02:00:00.000Z',
      audience: ['522301', '522323'],
    });
    expect(changesOf(FULL, { ...FULL, time: '11:00', kinds: ['21'] })).toEqual({ scheduled_at: '2026-12-01T03:00:00.000Z', kinds: ['21'] });
    expect(differing(FULL, { ...FULL, title: ' 远离毒品 ', lecturer_name: '周' })).toEqual([]);
  });

  it('goes back to review for another content, not for another time', () => {
    expect(sendsBack('approved', ['title', 'when', 'audience'])).toEqual(['title']);
    expect(sendsBack('approved', ['when', 'minutes', 'audience', 'kinds', 'stages', 'audience_kind'])).toEqual([]);
    expect(sendsBack('submitted', ['lecturer'])).toEqual(['lecturer']);
    expect(sendsBack('draft', ['title'])).toEqual([]);
  });

  it('loses nothing that was typed when somebody else saves first', () => {
    const mine = { ...FULL, title: '我的题目', time: '11:00' };
    const theirs = { ...FULL, title: '他的题目', minutes: 30, time: '11:00' };
    const joined = merge(FULL, mine, theirs);
    expect(joined).toEqual({ form: { ...mine, minutes: 30 }, taken: ['minutes'], both: ['title'] });
    expect(merge(FULL, FULL, { ...FULL, lecturer_id: 'u2', lecturer_name: '吴老师' }).form).toMatchObject({ lecturer_id: 'u2', lecturer_name: '吴老师' });
    expect(merge(FULL, mine, FULL)).toEqual({ form: mine, taken: [], both: [] });
  });

  it('is read from a lecture', () => {
    const lecture = { ...orderOf(FULL), id: 'x', lecturer: { id: 'u1', name: '周老师' } } as unknown as Planned;
    expect(differing(formOf(lecture, { audience: [{ ...COUNTY }], kinds: [], stages: [] }), FULL)).toEqual([]);
  });
});

describe('the list', () => {
  it('asks for what is wanted', () => {
    const today = '2026-11-27T16:00:00.000Z';
    expect(queryOf({ when: 'coming', state: '', page: '1' }, NOW)).toEqual({ page: '1', since: today, order: 'oldest' });
    expect(queryOf({ when: 'past', state: 'off' }, NOW)).toEqual({ until: today, called_off: 'true' });
    expect(queryOf({ when: 'all', state: 'submitted', q: '毒' }, NOW)).toEqual({ q: '毒', review: 'submitted', called_off: 'false' });
  });
});
