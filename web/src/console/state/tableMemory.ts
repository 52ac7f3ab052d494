/** What a person chose for a table, kept in this browser: hidden columns and rows on a page. Not kept where storage is forbidden. */
export interface Memory {
  readonly size?: number;
  /** Columns against their first state: shown although hidden at first, or the other way round. */
  readonly turned?: readonly string[];
}

const key = (table: string): string => `jiangtang.table.${table}`;

export function recall(table: string): Memory {
  try {
    const kept = JSON.parse(localStorage.getItem(key(table)) ?? '{}') as Record<string, unknown>;
    const { size, turned } = kept;
    return {
      ...(typeof size === 'number' && size > 0 && size <= 200 && { size }),
      ...(Array.isArray(turned) && { turned: turned.filter((one): one is string => typeof one === 'string') }),
    };
  } catch {
    return {};
  }
}

export function remember(table: string, choice: Memory): void {
  try {
    localStorage.setItem(key(table), JSON.stringify({ ...recall(table), ...choice }));
  } catch {
    return; // the choice then lasts as long as the page
  }
}
