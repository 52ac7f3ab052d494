/** What a browser says that it can do: for the inventory and for the connection test. Hints; nobody believes them blindly. */
export type Tier = 'T1' | 'T2' | 'T3';

export interface Capability {
  tier: Tier;
  engine: string;
  secure: boolean;
  webrtc: boolean;
  mse: boolean;
  h264: boolean;
  aac: boolean;
  opus: boolean;
  wake_lock: boolean;
}

const NAMES: readonly (readonly [string, RegExp])[] = [
  ['Firefox', /Firefox\/(\d+)/],
  ['Chromium', /Chrom(?:e|ium)\/(\d+)/],
  ['Safari', /Version\/(\d+)[.\d]* .*Safari/],
];
const FIRST_CHOICE = 86;

/** Name and version of the engine, `''` and 0 when the address line of browsers says nothing known. */
export function engineOf(agent: string): { name: string; version: number } {
  for (const [name, pattern] of NAMES) {
    const match = pattern.exec(agent);
    if (match !== null) return { name, version: Number(match[1]) };
  }
  return { name: '', version: 0 };
}

/** T1: WebRTC with HLS behind it; T2: HLS alone, or an engine of the years before; T3: neither. */
export function tierOf(can: { webrtc: boolean; mse: boolean }, engine: { name: string; version: number }): Tier {
  if (!can.mse) return 'T3';
  return can.webrtc && (engine.name !== 'Chromium' || engine.version >= FIRST_CHOICE) ? 'T1' : 'T2';
}

function mse(type: string): boolean {
  return typeof MediaSource !== 'undefined' && MediaSource.isTypeSupported(type);
}

/** Whether WebRTC receives a codec; browsers that cannot tell (before Chrome 69) are asked by the connection itself. */
export function receives(kind: 'audio' | 'video', mime: string): boolean | null {
  if (typeof RTCRtpReceiver === 'undefined' || typeof RTCRtpReceiver.getCapabilities !== 'function') return null;
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return codecs.some((codec) => codec.mimeType.toLowerCase() === mime);
}

export const plays = {
  h264: (): boolean => mse('video/mp4; codecs="avc1.42E01F"'),
  aac: (): boolean => mse('audio/mp4; codecs="mp4a.40.2"'),
  opus: (): boolean => mse('audio/mp4; codecs="opus"') || mse('audio/webm; codecs="opus"'),
};

export function capability(): Capability {
  const engine = engineOf(navigator.userAgent);
  const webrtc = typeof RTCPeerConnection === 'function' && 'addTransceiver' in RTCPeerConnection.prototype;
  const source = typeof MediaSource !== 'undefined';
  return {
    tier: tierOf({ webrtc, mse: source }, engine),
    engine: engine.name === '' ? '' : `${engine.name} ${String(engine.version)}`,
    secure: window.isSecureContext,
    webrtc,
    mse: source,
    h264: plays.h264() || receives('video', 'video/h264') === true,
    aac: plays.aac(),
    opus: plays.opus() || receives('audio', 'audio/opus') === true,
    wake_lock: 'wakeLock' in navigator,
  };
}
