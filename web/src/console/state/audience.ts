import type { Aim } from '../../shared/plans';

/**
 * Whom a lecture is for, as a set of nodes. Pure.
 *
 * **A node stands for everything below it**: what is chosen holds nothing that something else in it covers.
 */
export type Cover = 'all' | 'some' | 'none';

/** What a node is known by here. */
export type Node = Pick<Aim, 'code' | 'name' | 'level' | 'parent'>;

/** The prefecture is above everything; a county is above its schools. */
function above(upper: Node, lower: Node): boolean {
  if (upper.code === lower.code) return false;
  return upper.level === 'prefecture' || upper.code === lower.parent;
}

/** What of the audience covers a node, if anything does. */
export function coveredBy(chosen: readonly Node[], node: Node): Node | undefined {
  return chosen.find((one) => one.code === node.code || above(one, node));
}

/** Chooses a node: what lies below it goes, and nothing happens where it is covered already. */
export function choose(chosen: readonly Node[], node: Node): Node[] {
  if (coveredBy(chosen, node) !== undefined) return [...chosen];
  return [...chosen.filter((one) => !above(node, one)), node];
}

export function drop(chosen: readonly Node[], code: string): Node[] {
  return chosen.filter((one) => one.code !== code);
}

/** How much of a node is meant, as far as the chosen nodes tell. */
export function cover(chosen: readonly Node[], node: Node): Cover {
  if (coveredBy(chosen, node) !== undefined) return 'all';
  return chosen.some((one) => above(node, one)) ? 'some' : 'none';
}
