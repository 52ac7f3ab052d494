/**
 * The key of a paired screen: ECDSA on P-256, made in this browser, readable by no script (not extractable), kept in IndexedDB under the
 * screen's id. Where there is no WebCrypto (old engines, plain HTTP) or nothing is kept there is no key, and the token is all there is.
 */
export interface PublicJwk {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
}

export interface DeviceKey {
  readonly secret: CryptoKey;
  readonly jwk: PublicJwk;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SHELF = 'keys';
const PATIENCE_MS = 3000;
/** Under this name a key is tried before the server is told of it: one that is not kept would lock the screen out. */
const TRIAL = 'trial';

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open('jiangtang', 1);
    asked.onupgradeneeded = () => void asked.result.createObjectStore(SHELF);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(new Error('no storage'));
  });
}

/** Some browsers neither open their storage nor say that they do not. */
function inTime<T>(work: Promise<T>): Promise<T> {
  return Promise.race([work, new Promise<T>((_, reject) => setTimeout(() => reject(new Error('no answer')), PATIENCE_MS))]);
}

async function store<T>(mode: IDBTransactionMode, act: (shelf: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await inTime(opened());
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = db.transaction(SHELF, mode);
      const asked = act(transaction.objectStore(SHELF));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(new Error('not kept'));
    });
  } finally {
    db.close();
  }
}

export async function keepKey(name: string, key: DeviceKey): Promise<void> {
  await store('readwrite', (shelf) => shelf.put(key, name));
}

/** The key of a screen, null when this browser has none. */
export async function recallKey(name: string): Promise<DeviceKey | null> {
  try {
    return (await store<DeviceKey | undefined>('readonly', (shelf) => shelf.get(name) as IDBRequest<DeviceKey | undefined>)) ?? null;
  } catch {
    return null;
  }
}

/** A new key that this browser can keep and use, or null. */
export async function makeKey(): Promise<DeviceKey | null> {
  try {
    const pair = await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
    const { x = '', y = '' } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    const made: DeviceKey = { secret: pair.privateKey, jwk: { kty: 'EC', crv: 'P-256', x, y } };
    await keepKey(TRIAL, made);
    const kept = await recallKey(TRIAL);
    if (kept !== null) await proof(kept, { method: 'GET', url: '', token: '', nonce: '' });
    return kept;
  } catch {
    return null; // no WebCrypto, or a browser that keeps nothing
  }
}

function base64(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const part = (value: unknown): string => base64(bytesOf(JSON.stringify(value)).buffer);

export interface Signed {
  method: string;
  /** Absolute, without query and fragment. */
  url: string;
  token: string;
  nonce: string;
}

/** A compact JWS over claims, with the public key in its header. */
export async function sign(key: DeviceKey, typ: string, claims: unknown): Promise<string> {
  const signed = `${part({ typ, alg: 'ES256', jwk: key.jwk })}.${part(claims)}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.secret, bytesOf(signed));
  return `${signed}.${base64(signature)}`;
}

/** A DPoP proof (RFC 9449) that this browser sends this request now; `now` is for `iat`, which nobody believes. */
export async function proof(key: DeviceKey, { method, url, token, nonce }: Signed, now = Date.now()): Promise<string> {
  const ath = base64(await crypto.subtle.digest('SHA-256', bytesOf(token)));
  const jti = base64(crypto.getRandomValues(new Uint8Array(12)).buffer);
  return sign(key, 'dpop+jwt', { htm: method, htu: url, iat: Math.floor(now / 1000), jti, ath, nonce });
}
