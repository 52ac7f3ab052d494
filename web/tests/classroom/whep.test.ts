import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/shared/problem';
import { deleteSession, postOffer } from '../../src/shared/whep';

/** The HTTP half of WHEP against a real server; the media half is tested in a browser. */

interface Seen {
  method: string;
  path: string;
  authorization: string;
  type: string;
  body: string;
}

let server: Server;
let base = '';
let answer: (response: ServerResponse) => void;
let heard: (seen: Seen) => void = () => undefined;
const log: Seen[] = [];

async function read(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void read(request).then((body) => {
      const { method = '', url: path = '', headers } = request;
      const seen = { method, path, body, authorization: headers.authorization ?? '', type: headers['content-type'] ?? '' };
      log.push(seen);
      answer(response);
      heard(seen);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  Object.assign(globalThis, { document: { baseURI: `${base}/class/S1` } });
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  log.length = 0;
});

const reply =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);

async function failure(status: number, headers: Record<string, string> = {}, body = ''): Promise<Problem> {
  answer = reply(status, headers, body);
  const error: unknown = await postOffer(`${base}/whep/L1`, 'token', 'offer').catch((e: unknown) => e);
  if (!(error instanceof Problem)) throw new Error(`expected a Problem, got ${String(error)}`);
  return error;
}

describe('a WHEP session', () => {
  it('posts the offer with the token and resolves an absolute path as the session', async () => {
    answer = reply(201, { Location: '/whep/session/abc', ETag: '"1"', 'Content-Type': 'application/sdp' }, 'v=0');
    const session = await postOffer(`${base}/whep/L1`, 'token', 'offer');
    expect(session).toEqual({ answer: 'v=0', location: `${base}/whep/session/abc`, etag: '"1"' });
    expect(log[0]).toEqual({
      method: 'POST',
      path: '/whep/L1',
      authorization: 'Bearer token',
      type: 'application/sdp',
      body: 'offer',
    });
  });

  it('is deleted with the same token', async () => {
    answer = reply(200);
    const arrived = new Promise<Seen>((resolve) => (heard = resolve));
    deleteSession(`${base}/whep/session/abc`, 'token');
    const seen = await arrived;
    expect([seen.method, seen.path, seen.authorization]).toEqual(['DELETE', '/whep/session/abc', 'Bearer token']);
  });

  it('tells when to come again', async () => {
    const problem = await failure(503, { 'Retry-After': '3', 'Content-Type': 'application/problem+json' }, '{"code":"busy"}');
    expect([problem.status, problem.code, problem.retryAfter]).toEqual([503, 'busy', 3]);
  });

  it('names answers without a problem document by their status', async () => {
    expect((await failure(406)).code).toBe('http_406');
    expect((await failure(502, { 'Content-Type': 'text/html' }, '<html>')).code).toBe('http_502');
  });

  it('tells silence from absence', async () => {
    answer = () => undefined;
    const late: unknown = await postOffer(`${base}/whep/L1`, 't', 'o', 50).catch((e: unknown) => e);
    expect(late).toMatchObject({ status: 0, code: 'timeout' });
    const gone: unknown = await postOffer('http://127.0.0.1:9/whep/L1', 't', 'o').catch((e: unknown) => e);
    expect(gone).toMatchObject({ status: 0, code: 'offline' });
  });
});
