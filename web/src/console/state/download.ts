import { request } from '../../shared/problem';

/** Generating the tables of a whole prefecture may take a while. */
const PATIENCE_MS = 60_000;

/** The name that the server gives the file: RFC 6266, the encoded form first, because names are Chinese. */
export function fileName(disposition: string | null, fallback: string): string {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="([^"]+)"/i.exec(disposition ?? '')?.[1] ?? fallback;
}

/** Fetches, so that a refusal can be explained, and hands the file over to the browser. Returns its name. */
export async function download(url: string, fallback: string): Promise<string> {
  const response = await request(url, { credentials: 'same-origin' }, PATIENCE_MS);
  const name = fileName(response.headers.get('Content-Disposition'), fallback);
  const address = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return name;
}
