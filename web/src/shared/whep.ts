import { request } from './problem';

/**
 * WHEP (draft-ietf-wish-whep) with nothing but `fetch` and `RTCPeerConnection`. The server is ICE-lite with all its candidates
 * in the answer, so the offer is sent at once, without waiting for candidates of our own.
 */
export interface WhepSession {
  readonly pc: RTCPeerConnection;
  readonly stream: MediaStream;
  /** Closes the connection and deletes the session on the server; harmless when repeated. */
  close(): void;
}

export interface WhepOptions {
  url: string;
  token: string;
  /** Sees every track as it arrives. */
  onTrack?: (track: MediaStreamTrack, receiver: RTCRtpReceiver) => void;
  timeoutMs?: number;
}

function peer(): RTCPeerConnection {
  // Chrome 69 to 71 speak unified plan only when asked.
  const configuration = { bundlePolicy: 'max-bundle', sdpSemantics: 'unified-plan' } as RTCConfiguration;
  return new RTCPeerConnection(configuration);
}

async function offer(pc: RTCPeerConnection): Promise<string> {
  pc.addTransceiver('audio', { direction: 'recvonly' });
  pc.addTransceiver('video', { direction: 'recvonly' });
  const description = await pc.createOffer();
  await pc.setLocalDescription(description);
  return description.sdp ?? '';
}

/** Deletes a WHIP or WHEP session; a page that is going away keeps the request alive. Failures mean it is gone already. */
export function deleteSession(url: string, token: string): void {
  fetch(url, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` }, keepalive: true }).catch(() => undefined);
}

/** POSTs an SDP offer; returns the answer, the session's address and its entity tag. */
export async function postOffer(
  url: string,
  token: string,
  sdp: string,
  timeoutMs?: number,
): Promise<{ answer: string; location: string; etag: string | null }> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' };
  const response = await request(url, { method: 'POST', headers, body: sdp }, timeoutMs);
  const location = new URL(response.headers.get('Location') ?? '', new URL(url, document.baseURI)).href;
  return { answer: await response.text(), location, etag: response.headers.get('ETag') };
}

export async function watchWhep(options: WhepOptions): Promise<WhepSession> {
  const pc = peer();
  const stream = new MediaStream();
  pc.addEventListener('track', (event) => {
    stream.addTrack(event.track);
    options.onTrack?.(event.track, event.receiver);
  });
  try {
    const { answer, location } = await postOffer(options.url, options.token, await offer(pc), options.timeoutMs);
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    let open = true;
    const close = (): void => {
      if (open) deleteSession(location, options.token);
      open = false;
      pc.close();
    };
    return { pc, stream, close };
  } catch (error) {
    pc.close();
    throw error;
  }
}

/**
 * Calls `gone` as soon as the server has said good-bye. Chromium's DTLS transport knows after 10 ms, its `connectionState`
 * only after 7 s; where the transport has no events (before Chrome 81) the connection's state is what there is.
 */
export function onServerGone(pc: RTCPeerConnection, gone: () => void): void {
  let told = false;
  const tell = (): void => {
    if (!told) gone();
    told = true;
  };
  const dtls = pc.getReceivers()[0]?.transport ?? pc.getSenders()[0]?.transport ?? null;
  const state = (): void => {
    if (dtls?.state === 'closed' || dtls?.state === 'failed') tell();
    if (pc.connectionState === 'failed' || pc.iceConnectionState === 'failed') tell();
  };
  dtls?.addEventListener('statechange', state);
  pc.addEventListener('connectionstatechange', state);
  pc.addEventListener('iceconnectionstatechange', state);
  state(); // what happened before anybody listened
}
