/** What the connection test finds, as screens report it and the console shows it. Codes have sentences in `i18n/line-words.ts`. */
export const KINDS = ['engine', 'codecs', 'server', 'push', 'udp', 'bandwidth', 'clock', 'sound'] as const;
export type Kind = (typeof KINDS)[number];

/** `bad` keeps the class from watching, `limited` from watching well; what was skipped says nothing. */
export type State = 'good' | 'limited' | 'bad' | 'skipped';
export type Verdict = 'good' | 'limited' | 'bad';

export interface Line {
  kind: Kind;
  state: State;
  code: string;
  /** kb/s, milliseconds or seconds, as the kind has it. */
  value: number | null;
  detail: string;
}

export interface LineTest {
  id: string;
  at: string;
  verdict: Verdict;
  agent: string;
  lines: Line[];
}

export function verdictOf(lines: readonly Line[]): Verdict {
  if (lines.some((line) => line.state === 'bad')) return 'bad';
  return lines.some((line) => line.state === 'limited') ? 'limited' : 'good';
}

/** The parameters of a line's sentence: speeds in Mbit/s, clocks in minutes, everything else as it was measured. */
export function paramsOf({ kind, value, detail }: Line): Record<string, string> {
  const said = value ?? 0;
  if (kind === 'bandwidth') return { value: (said / 1000).toFixed(1), detail };
  if (kind === 'clock') return { value: String(Math.max(1, Math.round(Math.abs(said) / 60))), detail };
  return { value: String(Math.max(1, Math.round(said))), detail };
}
