import { request } from '../../shared/problem';

/** Generating the tables of a whole prefecture may take a while. */
const PATIENCE_MS = 60_000;

/** The name that the server gives the file: RFC 6266, the encoded form first, because names are Chinese. */
export function fileName(disposition: string | null, fallback: string): string {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="([^"]+)"/i.exec(disposition ?? '')?.[1] ?? fallback;
}

/** What a table says of itself: the same data and rules have the same checksum. Empty for files that are no reports. */
export interface Receipt {
  readonly file: string;
  readonly asOf: string;
  readonly policy: string;
  readonly checksum: string;
}

export function receiptOf(headers: Headers, fallback: string): Receipt {
  const told = (name: string): string => headers.get(`X-Report-${name}`) ?? '';
  return { file: fileName(headers.get('Content-Disposition'), fallback), asOf: told('As-Of'), policy: told('Policy'), checksum: told('Checksum') };
}

/** Hands a file over to the browser. */
export function hand(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Fetches, so that a refusal can be explained, and hands the file over. Returns what it says of itself. */
export async function downloadReport(url: string, fallback: string): Promise<Receipt> {
  const response = await request(url, { credentials: 'same-origin' }, PATIENCE_MS);
  const receipt = receiptOf(response.headers, fallback);
  hand(await response.blob(), receipt.file);
  return receipt;
}

/** The same where only the name of the file is told. */
export async function download(url: string, fallback: string): Promise<string> {
  return (await downloadReport(url, fallback)).file;
}
