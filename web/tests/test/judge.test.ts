import { describe, expect, it } from 'vitest';
import { engineOf, tierOf, type Capability } from '../../src/shared/capability';
import { LINE_WORDS, nameOfKind, nextOf, sentenceOf } from '../../src/shared/i18n/line-words';
import { KINDS, paramsOf, verdictOf, type Line } from '../../src/shared/lines';
import * as judge from '../../src/test/judge';
import { portOf } from '../../src/test/probes';
import { pairedAs } from '../../src/test/report';
import { parameters } from '../shared/words';

const CAN: Capability = {
  tier: 'T1',
  engine: 'Chromium 109',
  secure: true,
  webrtc: true,
  mse: true,
  h264: true,
  aac: true,
  opus: true,
  wake_lock: true,
};
const NOON = Date.parse('2026-11-23T06:00:00Z');

const code = ({ state, code: said }: Line): string => `${state} ${said}`;

/** Every line that the page can show. */
const ALL: Line[] = [
  judge.judgeEngine(CAN),
  judge.judgeEngine({ ...CAN, secure: false }),
  judge.judgeEngine({ ...CAN, tier: 'T2' }),
  judge.judgeEngine({ ...CAN, tier: 'T3', engine: '' }),
  ...[true, false, null].flatMap((live) => [true, false].map((hls) => judge.judgeCodecs({ live, hls }))),
  ...[null, 20, 900].map((ms) => judge.judgeServer(ms)),
  judge.judgePush({ polling: true, websocket: true }),
  judge.judgePush({ polling: true, websocket: false }),
  judge.judgePush({ polling: false, websocket: false }),
  judge.judgeUdp({ roundTripMs: 0.2 }),
  judge.judgeUdp({ blocked: '8189' }),
  judge.judgeUdp('no_webrtc'),
  judge.judgeUdp('untested'),
  ...[9000, 2000, 300, null].map((down) => judge.judgeSpeed(down, 500)),
  ...[0, 3_600_000, -3_600_000, -10 * 31_557_600_000].map((off) => judge.judgeClock(NOON + off, NOON)),
  judge.judgeSound(true),
  judge.judgeSound(false),
  judge.untested('sound'),
  judge.untested('clock'),
];

describe('the connection test', () => {
  it('judges what was measured', () => {
    expect(code(judge.judgeEngine(CAN))).toBe('good t1');
    expect(code(judge.judgeEngine({ ...CAN, secure: false }))).toBe('limited plain_http');
    expect(code(judge.judgeCodecs({ live: false, hls: true }))).toBe('limited no_webrtc');
    expect(code(judge.judgeCodecs({ live: null, hls: false }))).toBe('bad none');
    expect(code(judge.judgeUdp({ blocked: '8189' }))).toBe('limited blocked');
    expect([9000, 2000, 300].map((down) => judge.judgeSpeed(down, null).state)).toEqual(['good', 'limited', 'bad']);
    expect(code(judge.judgeClock(NOON + 59_000, NOON))).toBe('good right');
    expect(code(judge.judgeClock(NOON - 120_000, NOON))).toBe('limited behind');
    expect(judge.judgeClock(NOON - 7 * 31_557_600_000, NOON)).toMatchObject({ code: 'wrong_year', detail: '2019' });
    const newYear = Date.parse('2027-01-01T00:00:00+00:00');
    expect(code(judge.judgeClock(newYear + 600_000, newYear - 600_000))).toBe('limited ahead');
  });

  it('has a sentence for every outcome in both languages, and a next step wherever something is wrong', () => {
    for (const line of ALL)
      for (const locale of ['zh-CN', 'en'] as const) {
        expect(sentenceOf(line, locale), `${line.kind}.${line.code}`).not.toMatch(/[{}]|结果|Result/);
        expect(nextOf(line, locale) === '', `${line.kind}.${line.code}`).toBe(line.state === 'good' || line.state === 'skipped');
        expect(nameOfKind(line.kind, locale)).not.toBe(line.kind);
      }
    expect(sentenceOf({ ...judge.judgeSound(true), code: 'of_a_newer_page' }, 'zh-CN')).toBe('结果 of_a_newer_page');
  });

  it('has no sentence that nothing says, and the same parameters in both', () => {
    const said = new Set(ALL.map((line) => (line.code === 'untested' ? 'untested' : `${line.kind}.${line.code}`)));
    const words = Object.keys(LINE_WORDS['zh-CN']).filter((key) => !key.endsWith('.next') && key !== 'other' && !KINDS.some((kind) => kind === key));
    expect(words.filter((key) => !said.has(key))).toEqual([]);
    for (const [key, sentence] of Object.entries(LINE_WORDS['zh-CN']))
      expect(parameters(LINE_WORDS.en[key as keyof typeof LINE_WORDS.en]), key).toEqual(parameters(sentence));
  });

  it('sends only what the server takes', () => {
    for (const line of ALL) {
      expect(line.code).toMatch(/^[a-z][a-z0-9_]{0,31}$/);
      expect(line.detail).toMatch(/^[ -~]{0,40}$/);
    }
  });

  it('comes to the worst of its lines, and to a code that can be read out', () => {
    expect([verdictOf([]), verdictOf([judge.untested('udp')])]).toEqual(['good', 'good']);
    expect(verdictOf([judge.judgeUdp({ blocked: '' }), judge.judgeSound(true)])).toBe('limited');
    expect(verdictOf([judge.judgeUdp({ blocked: '' }), judge.judgeSound(false)])).toBe('bad');
    const eight = KINDS.map((kind) => (kind === 'udp' ? judge.judgeUdp({ blocked: '' }) : kind === 'sound' ? judge.untested(kind) : judge.judgeServer(1)));
    expect(judge.spoken(eight)).toBe('T-1111-2110');
  });

  it('writes speeds in Mbit/s and clocks in minutes', () => {
    expect(paramsOf(judge.judgeSpeed(12_340, 1500))).toEqual({ value: '12.3', detail: '1.5' });
    expect(paramsOf(judge.judgeClock(NOON - 720_000, NOON)).value).toBe('12');
  });

  it('knows engines, tiers, ports, and the screens that were paired here', () => {
    const agent = 'Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.132 Safari/537.36 QIHU 360SE';
    expect(engineOf(agent)).toEqual({ name: 'Chromium', version: 63 });
    expect(tierOf({ webrtc: true, mse: true }, engineOf(agent))).toBe('T2');
    expect(tierOf({ webrtc: true, mse: true }, { name: 'Chromium', version: 109 })).toBe('T1');
    expect(tierOf({ webrtc: true, mse: false }, { name: '', version: 0 })).toBe('T3');
    expect(portOf('a=candidate:1 1 udp 2130706431 10.0.0.1 8189 typ host')).toBe('8189');
    const kept: [string, string][] = [['jiangtang.locale', 'en'], ['jiangtang.screen.s1', 'jtd_1']];
    const store = { length: kept.length, key: (i: number) => kept[i]?.[0] ?? null, getItem: (name: string) => new Map(kept).get(name) ?? null };
    expect(pairedAs(store as unknown as Storage)).toEqual([{ screenId: 's1', token: 'jtd_1' }]);
    expect(pairedAs(null)).toEqual([]);
  });
});
