/** Orders a short list that came whole, as the server does with long ones: `-key` is the largest first, nothing is as it came. */
export function sorted<T extends object>(items: readonly T[], sort: string): T[] {
  const key = sort.replace(/^-/, '');
  if (key === '') return [...items];
  const value = (item: T): number | string => (item as Record<string, number | string>)[key] ?? '';
  const order = (a: T, b: T): number => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
  return [...items].sort(sort.startsWith('-') ? (a, b) => order(b, a) : order);
}
