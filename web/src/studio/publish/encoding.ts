/** What the studio sends: H.264 constrained baseline and mono Opus, one resolution for life. */

export const VIDEO_BITRATE = { camera: 1_800_000, screen: 1_500_000 } as const;
const AUDIO_BITRATE = 56_000;
/** Without this Chromium begins at 300 kb/s and the first seconds of a lecture are a blur. */
const START_KBPS = 900;

/** Whether a codec is H.264 constrained baseline in packetization mode 1, which the server relays. */
export function isRelayed(codec: { mimeType: string; sdpFmtpLine?: string | undefined }): boolean {
  const parameters = codec.sdpFmtpLine ?? '';
  return (
    codec.mimeType.toLowerCase() === 'video/h264' &&
    /profile-level-id=42e0/i.test(parameters) &&
    /packetization-mode=1/.test(parameters)
  );
}

/** Our codec first, then its helpers, then the rest: the server picks, and says 406 when ours is missing. */
export function preferred<C extends { mimeType: string; sdpFmtpLine?: string }>(codecs: readonly C[]): C[] {
  const rank = (codec: C): number => {
    if (isRelayed(codec)) return 0;
    return /\/(rtx|red|ulpfec)$/i.test(codec.mimeType) ? 1 : 2;
  };
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}

/** Adds the starting bitrate to the H.264 format line of an answer. */
export function withStartBitrate(answer: string, kbps = START_KBPS): string {
  const payload = /^a=rtpmap:(\d+) H264\/90000/m.exec(answer)?.[1];
  if (payload === undefined) return answer;
  const line = new RegExp(`^(a=fmtp:${payload} [^\\r\\n]*)`, 'm');
  return answer.replace(line, `$1;x-google-start-bitrate=${String(kbps)}`);
}

/** Applies limits to a sender; what a browser does not know is left as it is. */
export async function limit(sender: RTCRtpSender, maxBitrate: number): Promise<void> {
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = maxBitrate;
  if (sender.track?.kind === 'video') {
    (parameters as { degradationPreference?: string }).degradationPreference = 'maintain-resolution';
  }
  await sender.setParameters(parameters).catch(() => undefined);
}

/** A connection that will send the two tracks, ready for an offer. */
export function sendingPeer(video: MediaStreamTrack, audio: MediaStreamTrack | null): RTCPeerConnection {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const stream = new MediaStream(audio === null ? [video] : [audio, video]);
  pc.addTransceiver(audio ?? 'audio', { direction: 'sendonly', streams: [stream] });
  const transceiver = pc.addTransceiver(video, { direction: 'sendonly', streams: [stream] });
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  if (typeof transceiver.setCodecPreferences === 'function') transceiver.setCodecPreferences(preferred(codecs));
  return pc;
}

/** The bitrates that hold once the connection is described. */
export async function limitAll(pc: RTCPeerConnection, videoBitrate: number): Promise<void> {
  for (const { sender } of pc.getTransceivers()) {
    await limit(sender, sender.track?.kind === 'video' ? videoBitrate : AUDIO_BITRATE);
  }
}
