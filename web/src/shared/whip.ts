import { request } from './problem';
import { deleteSession, postOffer } from './whep';

/**
 * WHIP (RFC 9725) with nothing but `fetch`: one offer with one audio and one video track, ICE restart by PATCH, goodbye by
 * DELETE. The server is ICE-lite and gives all its candidates in the answer, so nothing is gathered or trickled.
 */
export interface WhipSession {
  readonly pc: RTCPeerConnection;
  /** The session's name on the server, the end of its address. */
  readonly id: string;
  /** Moves the connection to another network path; throws a `Problem` when the server does not do that. */
  restart(): Promise<void>;
  /** Closes the connection; `remote: false` leaves the session on the server, for one that took its place. */
  close(options?: { remote?: boolean }): void;
}

/** Values of a fragment or description that an ICE restart exchanges (RFC 8840). */
export interface IceParameters {
  ufrag: string;
  pwd: string;
}

const ATTRIBUTE = { ufrag: /^a=ice-ufrag:(\S+)/m, pwd: /^a=ice-pwd:(\S+)/m };

export function iceOf(sdp: string): IceParameters {
  const ufrag = ATTRIBUTE.ufrag.exec(sdp)?.[1];
  const pwd = ATTRIBUTE.pwd.exec(sdp)?.[1];
  if (ufrag === undefined || pwd === undefined) throw new Error('no ICE credentials in the description');
  return { ufrag, pwd };
}

/** The fragment that asks for an ICE restart: new credentials and the m-line they belong to (RFC 8840 section 9). */
export function restartFragment(offer: string): string {
  const { ufrag, pwd } = iceOf(offer);
  const media = /^m=.*$/m.exec(offer)?.[0] ?? 'm=audio 9 UDP/TLS/RTP/SAVPF 0';
  const mid = /^a=mid:.*$/m.exec(offer)?.[0] ?? 'a=mid:0';
  return [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, media, mid, ''].join('\r\n');
}

/** The former answer with the credentials and candidates of the fragment that answers a restart. */
export function restartedAnswer(answer: string, fragment: string): string {
  const { ufrag, pwd } = iceOf(fragment);
  const candidates = fragment.match(/^a=candidate:.*$/gm);
  let kept = answer.replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${ufrag}`).replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${pwd}`);
  if (candidates !== null) {
    let first = true;
    kept = kept.replace(/^(?:a=candidate:.*\r?\n)+/gm, (block) => {
      const lines = first || !kept.includes('a=group:BUNDLE') ? `${candidates.map((c) => c.trim()).join('\r\n')}\r\n` : block;
      first = false;
      return lines;
    });
  }
  return kept;
}

/** A restart that takes longer than a new session would is no help. */
const RESTART_MS = 3000;

async function restart(pc: RTCPeerConnection, location: string, token: string): Promise<void> {
  const former = pc.remoteDescription?.sdp ?? '';
  const offer = await pc.createOffer({ iceRestart: true });
  await pc.setLocalDescription(offer);
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
  const body = restartFragment(offer.sdp ?? '');
  const response = await request(location, { method: 'PATCH', headers, body }, RESTART_MS);
  await pc.setRemoteDescription({ type: 'answer', sdp: restartedAnswer(former, await response.text()) });
}

export interface WhipOptions {
  url: string;
  token: string;
  /** Changes the answer before it is applied, for hints that only this browser understands. */
  prepare?: (answer: string) => string;
  timeoutMs?: number;
}

/** Publishes what `pc` already sends; the caller has added the tracks and chosen codecs. */
export async function publishWhip(pc: RTCPeerConnection, options: WhipOptions): Promise<WhipSession> {
  const { url, token, prepare = (answer: string) => answer } = options;
  const offer = await pc.createOffer();
  await pc.setLocalDescription(offer);
  const { answer, location } = await postOffer(url, token, offer.sdp ?? '', options.timeoutMs);
  await pc.setRemoteDescription({ type: 'answer', sdp: prepare(answer) });
  let open = true;
  return {
    pc,
    id: location.slice(location.lastIndexOf('/') + 1),
    restart: () => restart(pc, location, token),
    close({ remote = true } = {}) {
      if (open && remote) deleteSession(location, token);
      open = false;
      pc.close();
    },
  };
}
