import type { Key } from '../words';

/** A column of a `DataTable`. Its cell is the slot `cell-<key>`, else `text`, else the row's own value of that name. */
export interface Column<T> {
  /** The name in the slot, in the order (`sort=`) and in the export (`columns=`). */
  readonly key: string;
  readonly label: string;
  readonly text?: (row: T) => string | number | null;
  /** Whether the server can order by it. */
  readonly sort?: boolean;
  /** Numbers stand at the right. */
  readonly numbers?: boolean;
  readonly width?: string;
  /** Not shown until somebody asks for it. */
  readonly hidden?: boolean;
  /** Cannot be put away: what names the row, or what is done with it. */
  readonly always?: boolean;
  /** False for what cannot be exported, like buttons. */
  readonly exported?: boolean;
}

/** A filter of a `DataTable`: a list to choose from; without `options` only its chip is shown, and the page sets it. */
export interface Filter {
  readonly key: string;
  readonly label: string;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
  /** What its chip says of a value that is in no list. */
  readonly text?: (value: string) => string;
}

export type Exported = 'schools' | 'classes' | 'teachers' | 'screens';
export const FORMATS = ['xlsx', 'csv'] as const;

/** `共 1,675 条`, in the words of the list: the key of a sentence with `{count}`. */
export type TotalKey = Extract<Key, `${string}.total`>;

export function exportUrl(what: Exported, format: (typeof FORMATS)[number], asked: Record<string, string>, columns: readonly string[]): string {
  const query = new URLSearchParams({ ...asked, columns: columns.join(',') });
  return `/api/v1/tables/${what}.${format}?${query.toString()}`;
}
