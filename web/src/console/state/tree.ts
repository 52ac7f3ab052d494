import type { SchoolClass, TreeNode } from '../../shared/directory';

/** The tree 州 → 县 → 校 → 班 as the rows that are to be seen. Pure. */
export interface Item {
  /** The code of a region or a school, the id of a class. */
  readonly key: string;
  readonly name: string;
  readonly level: TreeNode['level'] | 'class';
  /** How many open schools lie under it. */
  readonly schools: number;
  readonly closed: boolean;
}

export interface Branch {
  readonly item: Item;
  readonly open: boolean;
  /** Null while they were not asked for. */
  readonly children: readonly string[] | null;
}

export interface Row extends Branch {
  readonly depth: number;
  /** Its number among its brothers, from 1, and how many these are. */
  readonly place: number;
  readonly among: number;
  readonly parent: string | null;
}

export type Branches = ReadonlyMap<string, Branch>;

export const ofNode = (node: TreeNode): Item => ({ key: node.code, name: node.name, level: node.level, schools: node.schools, closed: node.closed });

export const ofClass = (row: SchoolClass): Item => ({ key: row.id, name: row.name, level: 'class', schools: 0, closed: row.closed_on !== null });

export function rowsOf(roots: readonly string[], branches: Branches): Row[] {
  const rows: Row[] = [];
  const add = (keys: readonly string[], depth: number, parent: string | null): void => {
    keys.forEach((key, index) => {
      const branch = branches.get(key);
      if (branch === undefined) return;
      rows.push({ ...branch, depth, place: index + 1, among: keys.length, parent });
      if (branch.open && branch.children !== null) add(branch.children, depth + 1, key);
    });
  };
  add(roots, 1, null);
  return rows;
}

export type Move = { readonly to: string } | { readonly open: string } | { readonly shut: string } | null;

/** What a key does where somebody stands: arrows as the WAI-ARIA pattern of trees says. */
export function step(rows: readonly Row[], at: string, key: string): Move {
  const index = rows.findIndex((row) => row.item.key === at);
  const row = rows[index];
  if (row === undefined) return null;
  const goTo = (target: Row | undefined): Move => (target === undefined ? null : { to: target.item.key });
  if (key === 'ArrowDown') return goTo(rows[index + 1]);
  if (key === 'ArrowUp') return goTo(rows[index - 1]);
  if (key === 'Home') return goTo(rows[0]);
  if (key === 'End') return goTo(rows[rows.length - 1]);
  if (key === 'ArrowRight' && row.item.level !== 'class') {
    if (!row.open) return { open: at };
    return rows[index + 1]?.parent === at ? goTo(rows[index + 1]) : null;
  }
  if (key === 'ArrowLeft') {
    if (row.open) return { shut: at };
    return row.parent === null ? null : { to: row.parent };
  }
  return null;
}

/** The next row, going round, whose name or code begins with what was typed; one letter typed again goes on to the next. */
export function typed(rows: readonly Row[], at: string, letters: string): string | null {
  const index = Math.max(0, rows.findIndex((row) => row.item.key === at));
  const from = letters.length === 1 ? index + 1 : index;
  const round = [...rows.slice(from), ...rows.slice(0, from)];
  const needle = letters.toLowerCase();
  return round.find(({ item }) => item.name.toLowerCase().startsWith(needle) || item.key.toLowerCase().startsWith(needle))?.item.key ?? null;
}
