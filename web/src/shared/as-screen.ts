import { proof, recallKey, type DeviceKey } from './device-key';
import { Problem, request } from './problem';

/**
 * Requests of a paired screen: with its token, and signed when this browser has its key and the server gave a nonce. What the server
 * asks for first (a proof, a fresh nonce) is brought by a second try.
 */
export interface Who {
  readonly screenId: string;
  readonly token: string;
}

const WANTED = new Set(['proof_needed', 'use_dpop_nonce']);
const keys = new Map<string, Promise<DeviceKey | null>>();
let nonce = '';

/** The key of a screen, null when this browser has none; looked up once. */
export function keyOf(screenId: string): Promise<DeviceKey | null> {
  const known = keys.get(screenId);
  if (known !== undefined) return known;
  const asked = recallKey(screenId);
  keys.set(screenId, asked);
  return asked;
}

async function headersOf({ screenId, token }: Who, method: string, url: string): Promise<Record<string, string>> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
  const key = nonce === '' ? null : await keyOf(screenId);
  if (key === null) return headers;
  const { origin, pathname } = new URL(url, location.href);
  headers['DPoP'] = await proof(key, { method, url: origin + pathname, token, nonce });
  return headers;
}

/** Sends a request as a screen; every failure is a `Problem`. */
export async function asScreen(who: Who, method: string, url: string, body?: unknown): Promise<Response> {
  const once = async (): Promise<Response> => {
    const headers = { Accept: 'application/json', ...(await headersOf(who, method, url)) };
    const init: RequestInit = { method, headers, credentials: 'same-origin' };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...headers, 'Content-Type': 'application/json' };
    }
    return request(url, init, undefined, (response) => (nonce = response.headers.get('DPoP-Nonce') ?? nonce));
  };
  try {
    return await once();
  } catch (error) {
    const again = error instanceof Problem && WANTED.has(error.code) && (await keyOf(who.screenId)) !== null;
    if (!again) throw error;
    return once();
  }
}
