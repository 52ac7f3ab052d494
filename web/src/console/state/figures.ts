/** Small numbers of the board, written the way people read them; nothing measured is a dash. */
const NONE = '–';

export const rate = (kbps: number | null): string => (kbps === null || kbps === 0 ? NONE : `${kbps.toLocaleString('en-US', { maximumFractionDigits: 0 })} kb/s`);

export const share = (loss: number | null): string => (loss === null ? NONE : `${(loss * 100).toFixed(loss > 0 && loss < 0.1 ? 1 : 0)}%`);

export const delay = (ms: number | null): string => (ms === null ? NONE : `${ms.toFixed(0)} ms`);

export const megabits = (bps: number): string => `${(bps / 1_000_000).toFixed(2)} Mb/s`;
