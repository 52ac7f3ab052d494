import { request } from './problem';

/** The tables of a lecture and the draft of its bulletin. Every failure is a `Problem`; `asOf` is an instant, '' for now. */
export interface Bulletin {
  text: string;
  policy_version: number;
  as_of: string;
  checksum: string;
}

/** The report of a whole prefecture may take a while. */
const PATIENCE_MS = 60_000;
const of = (id: string): string => `/api/v1/lectures/${encodeURIComponent(id)}`;
const then = (asOf: string): string => (asOf === '' ? '' : `?${new URLSearchParams({ as_of: asOf }).toString()}`);

export const reportsApi = {
  exportUrl: (id: string, table: string, format: 'xlsx' | 'csv', asOf: string): string => `${of(id)}/exports/${table}.${format}${then(asOf)}`,
  bulletin: async (id: string, asOf: string): Promise<Bulletin> =>
    (await (await request(`${of(id)}/bulletin${then(asOf)}`, { credentials: 'same-origin' }, PATIENCE_MS)).json()) as Bulletin,
};
