import { isRelayed } from '../publish/encoding';
import { obstacle, type Refusal } from './refusal';

/** Asks the browser for camera, microphone and screen. */

export const PERMISSION_TIMEOUT_MS = 20_000;

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
/** Nothing is played in the studio, so there is no echo to cancel; without that the sound arrives sooner. */
const MICROPHONE = { channelCount: { ideal: 1 }, echoCancellation: false, noiseSuppression: true, autoGainControl: true };

export function cannot(): Refusal | null {
  // Absent on insecure origins and old browsers, whatever the types promise.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  const codecs = typeof RTCRtpSender === 'function' ? (RTCRtpSender.getCapabilities('video')?.codecs ?? []) : [];
  return obstacle({
    secure: isSecureContext,
    capture: typeof devices?.getUserMedia === 'function',
    peerConnection: typeof RTCPeerConnection === 'function',
    h264: codecs.some(isRelayed),
  });
}

const chosen = (deviceId: string | null): MediaTrackConstraints => (deviceId === null ? {} : { deviceId: { exact: deviceId } });

export const cameraConstraints = (deviceId: string | null): MediaTrackConstraints => ({ ...CAMERA, ...chosen(deviceId) });
export const microphoneConstraints = (id: string | null): MediaTrackConstraints => ({ ...MICROPHONE, ...chosen(id) });

/** `getUserMedia` that gives up; a stream that comes too late is stopped. */
export async function capture(constraints: MediaStreamConstraints, timeoutMs = PERMISSION_TIMEOUT_MS): Promise<MediaStream> {
  const asked = navigator.mediaDevices.getUserMedia(constraints);
  let timer = 0;
  const late = new Promise<never>((_resolve, reject) => {
    timer = window.setTimeout(() => {
      asked.then(stop, () => undefined);
      reject(new DOMException('nobody answered', 'TimeoutError'));
    }, timeoutMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same with the remembered devices, and with any device when those are gone. */
export async function captureRemembered(
  camera: string | null,
  microphone: string | null,
): Promise<MediaStream> {
  const ask = (c: string | null, m: string | null): Promise<MediaStream> =>
    capture({ video: cameraConstraints(c), audio: microphoneConstraints(m) });
  try {
    return await ask(camera, microphone);
  } catch (error) {
    const gone = error instanceof DOMException && ['OverconstrainedError', 'NotFoundError'].includes(error.name);
    if (!gone || (camera === null && microphone === null)) throw error;
    return ask(null, null);
  }
}

interface CaptureControl {
  setFocusBehavior(behaviour: string): void;
}

/** Asks for a screen or window; the studio stays in front. */
export async function captureScreen(): Promise<MediaStream> {
  const Controller = (globalThis as { CaptureController?: new () => CaptureControl }).CaptureController;
  const controller = Controller && new Controller();
  const options = {
    video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { ideal: 15, max: 15 } },
    audio: true,
    systemAudio: 'include',
    surfaceSwitching: 'include',
    selfBrowserSurface: 'exclude',
    controller,
  };
  const stream = await navigator.mediaDevices.getDisplayMedia(options as DisplayMediaStreamOptions);
  // Only tabs and windows may be told; for a whole screen it throws.
  const surface = stream.getVideoTracks()[0]?.getSettings().displaySurface;
  if (surface === 'browser' || surface === 'window') controller?.setFocusBehavior('no-focus-change');
  return stream;
}

export function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
