import { afterEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../src/shared/problem';
import type { Lecture } from '../../src/shared/types';
import { goLive } from '../../src/studio/state/goLive';
import { figures, inHours, type Hours } from '../../src/studio/state/space';

const words = ({ h, m }: Hours): string => `${String(h)} 小时 ${String(m)} 分`;
afterEach(() => vi.unstubAllGlobals());

/** A server with too little space: it starts a lecture only for somebody who accepts that. */
function shortOfSpace(): string[] {
  const seen: string[] = [];
  const answer = (status: number, document: unknown): Response => new Response(JSON.stringify(document), { status });
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const body = typeof init.body === 'string' ? init.body : '';
    seen.push(`${init.method ?? 'GET'} ${url} ${body}`.trim());
    if (init.method === 'GET') return Promise.resolve(answer(200, { state: 'open', autostart: false }));
    if (body.includes('"accept_unrecorded":true')) return Promise.resolve(answer(200, { state: 'live' }));
    return Promise.resolve(answer(409, { code: 'recording_space', free_bytes: 1, hours_left: 0.7, hours_wanted: 2 }));
  });
  return seen;
}

describe('a start with too little space to record', () => {
  it('is refused with the figures, and goes on when it is accepted', async () => {
    const seen = shortOfSpace();
    const known = { state: 'open' } as Lecture;
    const publish = (): Promise<void> => Promise.resolve();
    const refused = await goLive('one', known, publish).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Problem);
    expect(figures((refused as Problem).fields, words)).toEqual({ left: '0 小时 42 分', wanted: '2 小时 0 分' });
    expect((await goLive('one', known, publish, true)).state).toBe('live');
    expect(seen.at(-1)).toBe('POST /api/v1/lectures/one/start {"accept_unrecorded":true}');
  });

  it('counts no minute that is not there', () => {
    expect([0, 0.999, 1.25, -1].map((hours) => words(inHours(hours)))).toEqual(['0 小时 0 分', '0 小时 59 分', '1 小时 15 分', '0 小时 0 分']);
  });
});
