import type { PublicJwk } from '../shared/device-key';
import { request } from '../shared/problem';

/** The three questions that a screen without a token may ask. Every failure is a `Problem`. */
export interface Offer {
  id: string;
  code: string;
  secret: string;
  expires_at: string;
}

export interface State {
  state: 'waiting' | 'confirmed' | 'collected' | 'refused' | 'expired';
  screen_id: string | null;
  device_token: string | null;
}

const ROOT = '/api/v1';

async function send<T>(path: string, init: RequestInit): Promise<{ value: T; date: string | null }> {
  const response = await request(ROOT + path, { credentials: 'omit', ...init });
  return { value: (await response.json()) as T, date: response.headers.get('Date') };
}

function posted(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/** Asks for six digits; `seconds` is how long they hold, by the server’s clock (whole seconds): that of a classroom may be wrong. */
export async function begin(key: PublicJwk | null): Promise<Offer & { seconds: number }> {
  const { value, date } = await send<Offer>('/pairings', posted({ key }));
  const now = date === null ? Date.now() : Date.parse(date);
  return { ...value, seconds: Math.max(5, Math.floor((Date.parse(value.expires_at) - now) / 1000) - 1) };
}

export async function poll(offer: Offer): Promise<State> {
  const headers = { Authorization: `Bearer ${offer.secret}` };
  return (await send<State>(`/pairings/${encodeURIComponent(offer.id)}`, { headers })).value;
}

/** Pairs the room of a sticker again and returns its screen and the address of its page. */
export async function repair(sticker: string, key: PublicJwk | null): Promise<{ screen_id: string; url: string }> {
  return (await send<{ screen_id: string; url: string }>('/screens/repair', posted({ sticker, key }))).value;
}
