import { describe, expect, it } from 'vitest';
import { bytes, clock, count, dateTime, duration, ratio } from '../../src/shared/format';
import { fill } from '../../src/shared/i18n/core';
import { problemOf } from '../../src/shared/problem';
import { iceOf, restartedAnswer, restartFragment } from '../../src/shared/whip';

describe('formats', () => {
  it('write times of Asia/Shanghai', () => {
    expect(dateTime('2026-11-23T06:05:00Z')).toBe('2026-11-23 14:05');
    expect(dateTime('2026-11-22T16:00:00+00:00')).toBe('2026-11-23 00:00');
  });

  it('write clocks and durations', () => {
    expect(clock(751)).toBe('00:12:31');
    expect(clock(-1)).toBe('00:00:00');
    expect(duration(2712, 'zh-CN')).toBe('45 分 12 秒');
    expect(duration(3725, 'en')).toBe('1 h 2 min 5 s');
  });

  it('write numbers with their denominator', () => {
    expect(ratio(1652, 1675, 'zh-CN')).toBe('1,652 / 1,675（98.63%）');
    expect(ratio(0, 0, 'en')).toBe('0 / 0');
    expect(count(1412)).toBe('1,412');
    expect(bytes(12_345_678)).toBe('12.3 MB');
  });

  it('fill sentences, and leave unknown names visible', () => {
    expect(fill('{a} of {b}', { a: 1 })).toBe('1 of {b}');
  });
});

describe('problem documents', () => {
  it('give code, fields and the server’s wish', async () => {
    const body = JSON.stringify({ code: 'publisher_busy', refused: true });
    const problem = await problemOf(new Response(body, { status: 409, headers: { 'Retry-After': '5' } }));
    expect(problem).toMatchObject({ status: 409, code: 'publisher_busy', retryAfter: 5, fields: { refused: true } });
  });

  it('are made of a failure that has none', async () => {
    expect(await problemOf(new Response('<html>', { status: 502 }))).toMatchObject({ code: 'http_502', retryAfter: null });
  });
});

describe('an ICE restart', () => {
  const offer = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:new\r\na=ice-pwd:secret\r\n';
  const section = (kind: string, candidates: string): string =>
    `m=${kind} 9 X 1\r\na=ice-ufrag:old\r\na=ice-pwd:gone\r\na=candidate:1 ${candidates}\r\na=end-of-candidates\r\n`;
  const answer = `v=0\r\na=group:BUNDLE 0 1\r\n${section('audio', 'a')}${section('video', 'a')}`;

  it('asks by a fragment with the new credentials', () => {
    expect(restartFragment(offer)).toBe('a=ice-ufrag:new\r\na=ice-pwd:secret\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n');
  });

  it('changes the credentials of every section and the candidates that come with them', () => {
    const fragment = 'a=ice-ufrag:u2\r\na=ice-pwd:p2\r\nm=audio 9 X 0\r\na=mid:0\r\na=candidate:1 b\r\na=end-of-candidates\r\n';
    const restarted = restartedAnswer(answer, fragment);
    expect(restarted.match(/a=ice-ufrag:u2\r\na=ice-pwd:p2\r\n/g)).toHaveLength(2);
    expect(restarted).not.toContain('old');
    expect(restarted).toContain('a=candidate:1 b\r\n');
    expect(restarted.split('\r\n')).toHaveLength(answer.split('\r\n').length);
  });

  it('needs credentials', () => {
    expect(() => iceOf('v=0\r\n')).toThrow('no ICE credentials');
  });
});
