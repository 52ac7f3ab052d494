/** Why a browser gives no camera or microphone, as one word each; the pages have 原因 and 下一步 for every one. */
export type Refusal =
  | 'denied' // the person or a policy said no
  | 'denied_system' // the operating system said no
  | 'dismissed' // the question was closed without an answer
  | 'missing' // no such device
  | 'in_use' // another program holds it
  | 'overconstrained' // the device cannot do what was asked
  | 'insecure' // not a secure origin
  | 'timeout' // nobody answered the question
  | 'unsupported' // the browser cannot do it at all
  | 'no_h264' // the browser cannot send what the classes receive
  | 'unknown';

interface Failure {
  name: string;
  message: string;
}

const BY_NAME: Readonly<Record<string, Refusal>> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  DevicesNotFoundError: 'missing',
  NotReadableError: 'in_use',
  AbortError: 'in_use',
  TrackStartError: 'in_use',
  OverconstrainedError: 'overconstrained',
  TimeoutError: 'timeout',
  TypeError: 'unsupported',
};

export function refusalOf(error: unknown): Refusal {
  const { name, message } = error as Partial<Failure>;
  if (name === 'NotAllowedError' && /dismissed/i.test(message ?? '')) return 'dismissed';
  if (name === 'NotAllowedError' && /system/i.test(message ?? '')) return 'denied_system';
  return BY_NAME[name ?? ''] ?? 'unknown';
}

/** What a browser must have before it is asked for anything. */
export interface Abilities {
  secure: boolean;
  capture: boolean;
  peerConnection: boolean;
  h264: boolean;
}

export function obstacle(can: Abilities): Refusal | null {
  if (!can.secure) return 'insecure';
  if (!can.capture || !can.peerConnection) return 'unsupported';
  return can.h264 ? null : 'no_h264';
}

/** The address of this page over HTTPS, as a hint for somebody who came by plain HTTP. */
export function httpsAddress(href: string): string {
  const url = new URL(href);
  url.protocol = 'https:';
  url.hash = '';
  return url.href;
}
