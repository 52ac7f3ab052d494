import { describe, expect, it } from 'vitest';
import { find } from '../../src/studio/devices/memory';
import { httpsAddress, obstacle, refusalOf, type Refusal } from '../../src/studio/devices/refusal';
import { Ring } from '../../src/studio/safety/ring';
import { zh } from '../../src/studio/words/zh';

const failure = (name: string, message = ''): { name: string; message: string } => ({ name, message });

describe('refusals', () => {
  it.each([
    [failure('NotAllowedError', 'Permission denied'), 'denied'],
    [failure('NotAllowedError', 'Permission denied by system'), 'denied_system'],
    [failure('NotAllowedError', 'Permission dismissed'), 'dismissed'],
    [failure('NotFoundError'), 'missing'],
    [failure('NotReadableError'), 'in_use'],
    [failure('OverconstrainedError'), 'overconstrained'],
    [failure('TimeoutError'), 'timeout'],
    [failure('Whatever'), 'unknown'],
  ] as [unknown, Refusal][])('%o is %s', (error, refusal) => {
    expect(refusalOf(error)).toBe(refusal);
    expect(zh).toHaveProperty([`refusal.${refusal}.reason`]);
    expect(zh).toHaveProperty([`refusal.${refusal}.next`]);
  });

  it('sees what stands in the way before asking', () => {
    const able = { secure: true, capture: true, peerConnection: true, h264: true };
    expect(obstacle(able)).toBeNull();
    expect(obstacle({ ...able, secure: false, capture: false })).toBe('insecure');
    expect(obstacle({ ...able, capture: false })).toBe('unsupported');
    expect(obstacle({ ...able, h264: false })).toBe('no_h264');
  });

  it('offers the same page by https', () => {
    expect(httpsAddress('http://10.0.0.5:8080/studio/x?lang=en#a')).toBe('https://10.0.0.5:8080/studio/x?lang=en');
  });
});

describe('remembered devices', () => {
  const devices = [
    { deviceId: '1', label: 'A' },
    { deviceId: '2', label: 'B' },
  ];

  it('are found by id, then by label, else not at all', () => {
    expect(find(devices, { deviceId: '2', label: 'A' })?.deviceId).toBe('2');
    expect(find(devices, { deviceId: 'x', label: 'A' })?.deviceId).toBe('1');
    expect(find(devices, { deviceId: 'x', label: '' })).toBeNull();
    expect(find(devices, null)).toBeNull();
  });
});

describe('the ring of the safety copy', () => {
  const piece = (seconds: number, bytes: number): { startedAt: number; seconds: number; bytes: number; blob: null } => ({
    startedAt: 0,
    seconds,
    bytes,
    blob: null,
  });

  it('keeps at least its span and little more', () => {
    const ring = new Ring<null>(600, 1e9);
    for (let n = 0; n < 30; n += 1) ring.add(piece(60, 10));
    expect(ring.pieces).toHaveLength(10);
  });

  it('stays below its bytes, but keeps the newest', () => {
    const ring = new Ring<null>(600, 100);
    ring.add(piece(60, 60));
    ring.add(piece(60, 60));
    expect(ring.pieces).toHaveLength(1);
    ring.add(piece(60, 500));
    expect(ring.pieces.map((p) => p.bytes)).toEqual([500]);
  });
});
