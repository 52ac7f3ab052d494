import { computed, shallowRef, type ComputedRef } from 'vue';
import { directoryApi } from '../../shared/directory';
import { ofClass, ofNode, rowsOf, type Branch, type Branches, type Item, type Row } from './tree';
import { useLoad, type Load } from './useLoad';

const MOST_CLASSES = '200';

/** The tree of the directory: each node's children are asked for when it is first opened. */
export interface Tree {
  readonly roots: Load<Item[]>;
  readonly rows: ComputedRef<Row[]>;
  open(key: string): Promise<void>;
  shut(key: string): void;
  /** Opens the way down to a node, so that it is to be seen. */
  reveal(way: readonly string[]): Promise<void>;
  /** Asks again for everything that is open: something was changed. */
  refresh(): Promise<void>;
}

async function childrenOf(item: Item): Promise<Item[]> {
  if (item.level === 'class') return [];
  if (item.level !== 'school') return (await directoryApi.tree(item.key)).map(ofNode);
  return (await directoryApi.classes({ school: item.key, size: MOST_CLASSES })).items.map(ofClass);
}

export function useTree(): Tree {
  const branches = shallowRef<Branches>(new Map());
  const roots = useLoad(async () => {
    const items = (await directoryApi.tree()).map(ofNode);
    keep(items);
    return items;
  });

  function keep(items: readonly Item[], changes: readonly [string, Partial<Branch>][] = []): void {
    const next = new Map(branches.value);
    for (const item of items) next.set(item.key, { open: false, children: null, ...next.get(item.key), item });
    for (const [key, change] of changes) {
      const old = next.get(key);
      if (old !== undefined) next.set(key, { ...old, ...change });
    }
    branches.value = next;
  }

  async function fetch(key: string): Promise<void> {
    const branch = branches.value.get(key);
    if (branch === undefined) return;
    const children = await childrenOf(branch.item);
    keep(children, [[key, { children: children.map((child) => child.key) }]]);
  }

  async function open(key: string): Promise<void> {
    const branch = branches.value.get(key);
    if (branch === undefined || branch.item.level === 'class') return;
    if (branch.children === null) await fetch(key);
    keep([], [[key, { open: true }]]);
  }

  return {
    roots,
    rows: computed(() => rowsOf((roots.value.value ?? []).map((item) => item.key), branches.value)),
    open,
    shut: (key) => keep([], [[key, { open: false }]]),
    async reveal(way) {
      for (const key of way) await open(key);
    },
    async refresh() {
      await roots.load();
      const opened = [...branches.value].filter(([, branch]) => branch.open).map(([key]) => key);
      for (const key of opened) await fetch(key);
    },
  };
}
