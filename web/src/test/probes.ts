import { plays, receives } from '../shared/capability';
import { Problem, request } from '../shared/problem';
import type { Udp } from './judge';

/** What is measured, with nothing but what a browser has. **No probe throws**: what does not come about is an outcome. */

const ROOT = '/api/v1/line-tests';
const PATIENCE_MS = 6000;

export interface Told {
  roundTripMs: number;
  /** The server's milliseconds since 1970, and this machine's in the middle of the question. */
  servers: number;
  mine: number;
  downloadBytes: number;
  uploadBytes: number;
  seconds: number;
}

interface ServerTime {
  server_time: string;
  download_bytes: number;
  upload_bytes: number;
  seconds: number;
}

async function ask(): Promise<Told> {
  const [from, at] = [performance.now(), Date.now()];
  const response = await request(`${ROOT}/time`, { credentials: 'omit', cache: 'no-store' }, PATIENCE_MS);
  const document = (await response.json()) as ServerTime;
  const roundTripMs = performance.now() - from;
  return {
    roundTripMs,
    servers: Date.parse(document.server_time),
    mine: at + roundTripMs / 2,
    downloadBytes: document.download_bytes,
    uploadBytes: document.upload_bytes,
    seconds: document.seconds,
  };
}

/** The server's clock and limits, null when it is not reached. The second question has no name to look up and no line to open. */
export async function reach(): Promise<Told | null> {
  try {
    await ask();
    return await ask();
  } catch {
    return null;
  }
}

export function codecs(): { live: boolean | null; hls: boolean } {
  const [picture, sound] = [receives('video', 'video/h264'), receives('audio', 'audio/opus')];
  const live = typeof RTCPeerConnection === 'undefined' ? false : picture === null || sound === null ? null : picture && sound;
  return { live, hls: plays.h264() && plays.aac() };
}

const ENGINE = '/socket.io/?EIO=4&transport=';

/** Opens a session of Engine.IO by long polling (a first answer begins with 0) and closes it (packet 1). */
export async function polling(): Promise<boolean> {
  const url = `${ENGINE}polling`;
  try {
    const text = await (await request(url, { credentials: 'omit', cache: 'no-store' }, PATIENCE_MS)).text();
    if (text[0] !== '0') return false;
    const { sid } = JSON.parse(text.slice(1)) as { sid: string };
    await request(`${url}&sid=${encodeURIComponent(sid)}`, { method: 'POST', body: '1', credentials: 'omit' }, PATIENCE_MS).catch(() => null);
    return true;
  } catch {
    return false;
  }
}

export function websocket(): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${ENGINE}websocket`);
      const settle = (came: boolean): void => {
        clearTimeout(timer);
        socket.onmessage = socket.onerror = socket.onclose = null;
        socket.close();
        resolve(came);
      };
      const timer = setTimeout(() => settle(false), PATIENCE_MS);
      socket.onmessage = ({ data }) => settle(String(data).charAt(0) === '0');
      socket.onerror = socket.onclose = () => settle(false);
    } catch {
      resolve(false);
    }
  });
}

/** The port of the server's first candidate, for whoever keeps the firewall. */
export function portOf(sdp: string): string {
  return /a=candidate:\S+ \d+ udp \d+ \S+ (\d+) typ/i.exec(sdp)?.[1] ?? '';
}

function connected(pc: RTCPeerConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (came: boolean): void => {
      clearTimeout(timer);
      pc.oniceconnectionstatechange = pc.onconnectionstatechange = null;
      resolve(came);
    };
    const timer = setTimeout(() => end(false), PATIENCE_MS);
    const look = (): void => {
      // Before Chrome 72 there is no connectionState; the checks of ICE have then to do.
      const state: string = (pc as { connectionState?: string }).connectionState ?? pc.iceConnectionState;
      if (state === 'connected' || state === 'completed') end(true);
      else if (state === 'failed' || state === 'closed') end(false);
    };
    pc.oniceconnectionstatechange = pc.onconnectionstatechange = look;
    look();
  });
}

async function roundTrip(pc: RTCPeerConnection): Promise<number> {
  let seconds = 0;
  (await pc.getStats()).forEach((entry: { type: string; state?: string; currentRoundTripTime?: number }) => {
    if (entry.type === 'candidate-pair' && entry.state === 'succeeded') seconds = entry.currentRoundTripTime ?? seconds;
  });
  return seconds * 1000;
}

/** A media connection as a lecture has it, without a lecture: ICE and DTLS over UDP. */
export async function udp(): Promise<Udp> {
  if (typeof RTCPeerConnection !== 'function' || !('addTransceiver' in RTCPeerConnection.prototype)) return 'no_webrtc';
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', sdpSemantics: 'unified-plan' } as RTCConfiguration);
  try {
    pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    await pc.setLocalDescription(await pc.createOffer());
    const headers = { 'Content-Type': 'application/sdp' };
    const init = { method: 'POST', headers, body: pc.localDescription?.sdp ?? '', credentials: 'omit' as const };
    const sdp = await (await request(`${ROOT}/connection`, init, PATIENCE_MS)).text();
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return (await connected(pc)) ? { roundTripMs: await roundTrip(pc) } : { blocked: portOf(sdp) };
  } catch (error) {
    return error instanceof Problem && error.status === 406 ? 'no_webrtc' : 'untested';
  } finally {
    pc.close();
  }
}

/** kb/s of what came or went, null when nothing did. XMLHttpRequest tells its progress in every engine, fetch does not. */
function timed(method: 'GET' | 'POST', path: string, seconds: number, body?: Blob): Promise<number | null> {
  return new Promise((resolve) => {
    const ask = new XMLHttpRequest();
    const begun = performance.now();
    let [first, bytes, last] = [0, 0, begun];
    const end = (): void => {
      clearTimeout(timer);
      ask.onloadend = null;
      ask.abort();
      const ms = last - begun;
      resolve(bytes > 0 && ms > 0 && (ask.status === 0 || ask.status < 300) ? (bytes * 8) / ms : null);
    };
    const moved = ({ loaded }: ProgressEvent): void => {
      first = first === 0 ? performance.now() : first;
      [bytes, last] = [loaded, performance.now()];
    };
    const timer = setTimeout(end, seconds * 1000);
    ask.open(method, `${ROOT}/${path}`);
    ask.responseType = 'arraybuffer';
    (body === undefined ? ask : ask.upload).onprogress = moved;
    ask.onloadend = () => {
      if (ask.status >= 300 || ask.status === 0) bytes = 0;
      end();
    };
    ask.send(body ?? null);
  });
}

export const download = (told: Told): Promise<number | null> => timed('GET', 'download', told.seconds);

export function upload(told: Told): Promise<number | null> {
  const bytes = new Uint8Array(told.uploadBytes);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(bytes.length, at + 65_536)));
  return timed('POST', 'upload', told.seconds, new Blob([bytes], { type: 'application/octet-stream' }));
}
