import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/shared/problem';
import { isRelayed, preferred, withStartBitrate } from '../../src/studio/publish/encoding';
import { delayBefore } from '../../src/studio/publish/ladder';
import { judge, UNKNOWN, type Quality, type Sample } from '../../src/studio/publish/quality';
import { Reader } from '../../src/studio/publish/stats';

const CLEAN: Sample = {
  bitrateBps: 1_700_000,
  targetBps: 1_800_000,
  loss: 0,
  rttMs: 20,
  limitation: 'none',
  fps: 30,
  reportAge: 0.5,
};

function after(seconds: number, sample: Sample, from: Quality = UNKNOWN): Quality {
  let quality = from;
  for (let n = 0; n < seconds; n += 1) quality = judge(quality, sample);
  return quality;
}

describe('the ladder of reconnecting', () => {
  it('climbs without jitter first, then with', () => {
    expect([0, 1, 2, 3, 4, 50].map((attempt) => delayBefore(attempt, 0))).toEqual([0, 0.3, 1.2, 2.7, 4.8, 4.8]);
    expect(delayBefore(1, 0.9)).toBe(0.3);
    expect(delayBefore(2, 0.5)).toBe(1.7);
  });

  it('waits as long as the server wishes', () => {
    expect(delayBefore(0, 0, 5)).toBe(5);
  });
});

describe('quality', () => {
  it('is good on a clean line', () => {
    expect(after(5, CLEAN)).toMatchObject({ grade: 'good', bars: 3, cause: 'none' });
  });

  it('falls at once and rises slowly', () => {
    const bad = after(1, { ...CLEAN, loss: 0.2 });
    expect(bad).toMatchObject({ grade: 'poor', cause: 'loss' });
    expect(after(1, CLEAN, bad).grade).toBe('fair');
    expect(after(4, CLEAN, bad).grade).toBe('good');
  });

  it('names the cause', () => {
    expect(after(3, { ...CLEAN, limitation: 'cpu' }).cause).toBe('cpu');
    expect(after(3, { ...CLEAN, rttMs: 600 }).cause).toBe('delay');
    expect(after(3, { ...CLEAN, limitation: 'bandwidth', bitrateBps: 150_000 })).toMatchObject({ cause: 'bandwidth', grade: 'poor' });
  });

  it('does not complain of a quiet picture that needs few bits', () => {
    expect(after(3, { ...CLEAN, bitrateBps: 90_000 }).grade).toBe('good');
  });

  it('is lost when the server is silent', () => {
    expect(after(1, { ...CLEAN, reportAge: 3.5 })).toMatchObject({ grade: 'lost', bars: 0, cause: 'silent' });
  });
});

describe('statistics', () => {
  const look = (bytes: number, reported: number | null): never[] =>
    [
      { type: 'outbound-rtp', kind: 'audio', timestamp: 0, bytesSent: 9e9 },
      { type: 'outbound-rtp', kind: 'video', timestamp: 0, bytesSent: bytes, framesPerSecond: 30, qualityLimitationReason: 'cpu' },
      ...(reported === null
        ? []
        : [{ type: 'remote-inbound-rtp', kind: 'video', timestamp: reported, fractionLost: 0.02, roundTripTime: 0.04 }]),
    ] as never[];

  it('become rates between two looks', () => {
    const reader = new Reader();
    reader.read(look(1000, null), 1e6, 10);
    const sample = reader.read(look(126_000, 5), 1e6, 11);
    expect(sample).toMatchObject({ bitrateBps: 1_000_000, loss: 0.02, rttMs: 40, limitation: 'cpu', fps: 30 });
  });

  it('know how old the last report is, but not before the first', () => {
    const reader = new Reader();
    expect(reader.read(look(0, null), 1, 10).reportAge).toBe(0);
    reader.read(look(0, 500), 1, 20);
    expect(reader.read(look(0, 500), 1, 24).reportAge).toBe(4);
    expect(reader.read(look(0, 1500), 1, 25).reportAge).toBe(0);
  });
});

describe('codecs', () => {
  const baseline = { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' };
  const single = { ...baseline, sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' };
  const high = { ...baseline, sdpFmtpLine: 'packetization-mode=1;profile-level-id=640034' };

  it('are ours in one form only', () => {
    expect([baseline, single, high, { mimeType: 'video/VP8' }].map(isRelayed)).toEqual([true, false, false, false]);
  });

  it('stand with ours first and retransmission next', () => {
    const order = preferred([{ mimeType: 'video/VP8' }, high, { mimeType: 'video/rtx' }, baseline]);
    expect(order.map((codec) => codec.mimeType)).toEqual(['video/H264', 'video/rtx', 'video/VP8', 'video/H264']);
    expect(order[0]).toBe(baseline);
  });

  it('begin at the starting bitrate', () => {
    const answer = 'a=rtpmap:108 H264/90000\r\na=fmtp:108 packetization-mode=1\r\na=fmtp:109 apt=108\r\n';
    expect(withStartBitrate(answer, 900)).toContain('a=fmtp:108 packetization-mode=1;x-google-start-bitrate=900\r\n');
    expect(withStartBitrate('m=audio', 900)).toBe('m=audio');
  });
});

describe('problems', () => {
  it('say what they are', () => {
    expect(new Problem(409, 'publisher_busy').message).toBe('409 publisher_busy');
  });
});
