import { describe, expect, it } from 'vitest';
import { chapterAt, chapterName, chineseNumber, inOrder } from '../../src/shared/player/chapters';
import { allowed, played, rateAllowed, told, type Course } from '../../src/shared/player/course';
import { actionOf, type Press } from '../../src/shared/player/keys';
import { noted, read, worthKeeping, type Place } from '../../src/shared/player/resume';
import { position, span } from '../../src/shared/player/time';
import { parseThumbs, seconds, thumbAt } from '../../src/shared/player/vtt';
import { speaker, troubleOf, WORDS, type Word } from '../../src/shared/player/words';
import type { Chapter } from '../../src/shared/types';
import { parameters } from './words';

const BASE = 'https://jiangtang.example/hls/L1/R1/thumbs.vtt';
const vtt = (...cues: string[]): string => ['WEBVTT', ...cues].join('\n\n') + '\n';

describe('preview pictures', () => {
  it('name a rectangle of the sprite next to the file', () => {
    const thumbs = parseThumbs(vtt('00:00.000 --> 00:10.000\nsprite.jpg#xywh=0,0,160,90', '1\n01:00:10.000 --> 01:00:20.500\nsprite.jpg#xywh=160,90,160,90'), BASE);
    expect(thumbs).toEqual([
      { start: 0, end: 10, url: 'https://jiangtang.example/hls/L1/R1/sprite.jpg', x: 0, y: 0, width: 160, height: 90 },
      { start: 3610, end: 3620.5, url: 'https://jiangtang.example/hls/L1/R1/sprite.jpg', x: 160, y: 90, width: 160, height: 90 },
    ]);
  });

  it('come from files with a byte order mark, CRLF, notes and settings too', () => {
    const text = '\uFEFFWEBVTT previews\r\n\r\nNOTE made after the end\r\n\r\n00:00.000 --> 00:10.000 align:start\r\ns.jpg#xywh=pixel:0,0,16,9\r\n';
    expect(parseThumbs(text, BASE)).toMatchObject([{ start: 0, end: 10, width: 16, height: 9 }]);
  });

  it('leaves out what is no cue, and everything of a file that is no WebVTT', () => {
    const bad = ['00:00.000 --> 00:00.000\ns.jpg#xywh=0,0,1,1', '00:00.000 --> 00:01.000\ns.jpg', '00:61.000 --> 00:62.000\ns.jpg#xywh=0,0,1,1'];
    expect(parseThumbs(vtt(...bad, '00:01.000 --> 00:02.000\ns.jpg#xywh=0,0,0,9'), BASE)).toEqual([]);
    expect(parseThumbs('<html>00:00.000 --> 00:10.000\ns.jpg#xywh=0,0,1,1', BASE)).toEqual([]);
    expect(parseThumbs('', BASE)).toEqual([]);
  });

  it('reads stamps with and without hours', () => {
    expect([seconds('00:01.500'), seconds('12:00:00.000'), seconds('100:00:00.000')]).toEqual([1.5, 43_200, 360_000]);
    expect(['1:00.000', '00:00', '00:60.000', ''].map(seconds)).toEqual([NaN, NaN, NaN, NaN]);
  });

  it('are found for any moment: the one that covers it, the last before it, the first before all', () => {
    const cue = (start: number): string => `00:${String(start)}.000 --> 00:${String(start + 5)}.000\ns.jpg#xywh=${String(start)},0,9,9`;
    const thumbs = parseThumbs(vtt(cue(10), cue(20), cue(30)), BASE);
    expect([0, 10, 19.9, 20, 26, 99].map((at) => thumbAt(thumbs, at)?.x)).toEqual([10, 10, 10, 20, 20, 30]);
    expect(thumbAt([], 3)).toBeNull();
  });
});

describe('times', () => {
  it('are written without hours before the first', () => {
    expect([0, 59.9, 725, 3600, 3725, -3].map(position)).toEqual(['0:00', '0:59', '12:05', '1:00:00', '1:02:05', '0:00']);
  });

  it('of a span leave out what is not needed', () => {
    expect([25, 192, 3780].map((s) => span(s, 'zh-CN'))).toEqual(['25 秒', '3 分 12 秒', '1 小时 3 分']);
    expect(span(192, 'en')).toBe('3 min 12 s');
  });
});

describe('chapters', () => {
  const chapters: Chapter[] = [
    { start_s: 0, kind: 'start' },
    { start_s: 60, kind: 'resume' },
    { start_s: 60.4, kind: 'return' },
    { start_s: 30, kind: 'resume' },
  ];

  it('are in order, without two in the same second', () => {
    expect(inOrder(chapters).map((one) => one.start_s)).toEqual([0, 30, 60]);
  });

  it('have names: 开始, 第二段 …', () => {
    const say = { 'zh-CN': speaker('zh-CN'), en: speaker('en') };
    expect([0, 1, 10].map((i) => chapterName(i, 'zh-CN', say['zh-CN']))).toEqual(['开始', '第二段', '第十一段']);
    expect([0, 1].map((i) => chapterName(i, 'en', say.en))).toEqual(['Start', 'Part 2']);
    expect([2, 10, 19, 20, 35, 100].map(chineseNumber)).toEqual(['二', '十', '十九', '二十', '三十五', '100']);
  });

  it('know where one is', () => {
    const sorted = inOrder(chapters);
    expect([0, 29, 29.95, 59, 999].map((at) => chapterAt(sorted, at))).toEqual([0, 0, 1, 1, 2]);
    expect(chapterAt([{ start_s: 5, kind: 'start' }], 1)).toBe(-1);
  });
});

describe('a recording that is seen in its course', () => {
  const course: Course = { farthestS: 60, maxRate: 1.25, seen: 1, needed: 36, done: false };

  it('lets nobody jump over what was not seen yet, and anybody back', () => {
    expect([0, 59, 60, 61, 2700].map((to) => allowed(course, to))).toEqual([0, 59, 60, 60, 60]);
    expect([allowed(null, 2700), allowed({ ...course, done: true }, 2700)]).toEqual([2700, 2700]);
  });

  it('grows by what is played on, not by what lies behind or far ahead', () => {
    expect([30, 60, 60.5, 63, 64, 900].map((at) => played(course, at).farthestS)).toEqual([60, 60, 60.5, 63, 60, 60]);
  });

  it('takes the word of the server without forgetting what was played since', () => {
    expect(told({ ...course, farthestS: 100 }, { ...course, farthestS: 60, seen: 2 })).toEqual({ ...course, farthestS: 100, seen: 2 });
    expect(told(course, { ...course, farthestS: 1200, done: true })).toMatchObject({ farthestS: 1200, done: true });
  });

  it('offers no speed at which nothing would count', () => {
    expect([0.75, 1, 1.25, 1.5, 2].filter((rate) => rateAllowed(course, rate))).toEqual([0.75, 1, 1.25]);
    expect(rateAllowed(null, 2)).toBe(true);
  });
});

describe('going on where one stopped', () => {
  it('is offered neither after seconds nor at the end', () => {
    expect([0, 9, 10, 1785, 1786, 1800].map((at) => worthKeeping(at, 1800))).toEqual([false, false, true, true, false, false]);
    expect(worthKeeping(12, 20)).toBe(false);
  });

  it('keeps one place a recording, the newest last, and forgets it at the end', () => {
    let places: Place[] = [];
    places = noted(places, 'a', 100.7, 1800);
    places = noted(places, 'b', 50, 1800);
    places = noted(places, 'a', 200, 1800);
    expect(places).toEqual([['b', 50], ['a', 200]]);
    expect(noted(places, 'a', 1799, 1800)).toEqual([['b', 50]]);
  });

  it('keeps a hundred', () => {
    let places: Place[] = [];
    for (let i = 0; i < 130; i += 1) places = noted(places, String(i), 60, 1800);
    expect([places.length, places[0]?.[0], places[99]?.[0]]).toEqual([100, '30', '129']);
  });

  it('survives what others have written there', () => {
    expect([null, 'no json', '{}', '3', '[1,["a"],["a","b"],null]'].map(read)).toEqual([[], [], [], [], []]);
    expect(read('[["a",12],["b"]]')).toEqual([['a', 12]]);
  });
});

describe('keys', () => {
  const press = (key: string, more: Partial<Press> = {}): Press => ({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more });

  it('do what they do elsewhere', () => {
    expect([' ', 'k', 'K'].map((key) => actionOf(press(key)))).toEqual(Array(3).fill({ kind: 'toggle' }));
    expect(actionOf(press('ArrowLeft'))).toEqual({ kind: 'skip', by: -5 });
    expect(actionOf(press('ArrowRight', { shiftKey: true }))).toEqual({ kind: 'skip', by: 10 });
    expect([actionOf(press('j')), actionOf(press('l'))]).toEqual([{ kind: 'skip', by: -10 }, { kind: 'skip', by: 10 }]);
    expect([actionOf(press('m')), actionOf(press('f'))]).toEqual([{ kind: 'mute' }, { kind: 'full' }]);
    expect([actionOf(press('Home')), actionOf(press('5')), actionOf(press('End'))]).toEqual(
      [0, 0.5, 1].map((share) => ({ kind: 'jump', share })),
    );
  });

  it('leave to the browser what is the browser’s', () => {
    expect([actionOf(press('f', { ctrlKey: true })), actionOf(press('l', { metaKey: true })), actionOf(press('Tab'))]).toEqual([null, null, null]);
    expect([actionOf(press('ArrowLeft', { altKey: true })), actionOf(press('constructor'))]).toEqual([null, null]);
  });
});

describe('words of the player', () => {
  it('exist in both languages with the same parameters', () => {
    for (const key of Object.keys(WORDS['zh-CN']) as Word[]) {
      expect(parameters(WORDS.en[key]), key).toEqual(parameters(WORDS['zh-CN'][key]));
      expect(WORDS.en[key], key).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it('name a reason and a next step for every refusal', () => {
    expect([401, 403, 404, 410, 503, 500].map(troubleOf)).toEqual(['login', 'refused', 'missing', 'gone', 'later', 'network']);
  });
});
