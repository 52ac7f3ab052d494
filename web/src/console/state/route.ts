import { ref, type Ref } from 'vue';

/** Two pages and three tabs, in the fragment, so that every place can be linked and Back works. */
export const TABS = ['board', 'recordings', 'exports'] as const;
export type Tab = (typeof TABS)[number];
export type Route = { page: 'lectures' } | { page: 'lecture'; id: string; tab: Tab };

export function parse(hash: string): Route {
  const [page, id, tab] = hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  if (page !== 'lectures' || id === undefined || id === '') return { page: 'lectures' };
  return { page: 'lecture', id, tab: TABS.find((name) => name === tab) ?? 'board' };
}

export function format(route: Route): string {
  if (route.page === 'lectures') return '#/lectures';
  return `#/lectures/${encodeURIComponent(route.id)}${route.tab === 'board' ? '' : `/${route.tab}`}`;
}

export function useRoute(): Ref<Route> {
  const route = ref<Route>(parse(location.hash)) as Ref<Route>;
  addEventListener('hashchange', () => (route.value = parse(location.hash)));
  return route;
}
