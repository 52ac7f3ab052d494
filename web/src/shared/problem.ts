/**
 * What can go wrong between a page and the server: one error class with the stable `code` of an RFC 9457 problem document.
 * Codes of our own: `offline` (nothing reached the server) and `timeout`.
 */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
    /** Seconds after which the server wants to be asked again, from `Retry-After`. */
    readonly retryAfter: number | null = null,
  ) {
    super(`${String(status)} ${code}`);
    this.name = 'Problem';
  }
}

function retryAfter(response: Response): number | null {
  const value = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

/** Reads the problem document of a failed response; a body that is none gives the code `http_<status>`. */
export async function problemOf(response: Response): Promise<Problem> {
  const fallback = `http_${String(response.status)}`;
  try {
    const document = (await response.json()) as Record<string, unknown>;
    const code = typeof document['code'] === 'string' ? document['code'] : fallback;
    return new Problem(response.status, code, document, retryAfter(response));
  } catch {
    return new Problem(response.status, fallback, {}, retryAfter(response));
  }
}

/**
 * `fetch` that gives up after `timeoutMs` and turns every failure into a `Problem`; `see` looks at any answer before that. Chrome 69 has
 * no AbortSignal.timeout.
 */
export async function request(
  url: string,
  init: RequestInit,
  timeoutMs = 8000,
  see: (response: Response) => void = () => undefined,
): Promise<Response> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: controller.signal });
  } catch {
    throw new Problem(0, controller.signal.aborted ? 'timeout' : 'offline');
  } finally {
    clearTimeout(timer);
  }
  see(response);
  if (!response.ok) throw await problemOf(response);
  return response;
}
