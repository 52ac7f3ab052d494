import { ref, type Ref } from 'vue';

/** The pages and a lecture's three tabs, in the fragment, so that every place can be linked and Back works. */
export const TABS = ['board', 'recordings', 'exports'] as const;
export type Tab = (typeof TABS)[number];
export type Route =
  | { page: 'lectures' }
  | { page: 'lecture'; id: string; tab: Tab }
  | { page: 'recordings' }
  | { page: 'recording'; id: string }
  | { page: 'screens' }
  | { page: 'stickers'; id: string };

export function parse(hash: string): Route {
  const [page, id, tab] = hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const named = id !== undefined && id !== '';
  if (page === 'recordings') return named ? { page: 'recording', id } : { page: 'recordings' };
  if (page === 'screens') return { page };
  if (page === 'stickers' && named) return { page, id };
  if (page !== 'lectures' || !named) return { page: 'lectures' };
  return { page: 'lecture', id, tab: TABS.find((name) => name === tab) ?? 'board' };
}

export function format(route: Route): string {
  switch (route.page) {
    case 'lectures':
    case 'recordings':
    case 'screens':
      return `#/${route.page}`;
    case 'stickers':
      return `#/stickers/${encodeURIComponent(route.id)}`;
    case 'recording':
      return `#/recordings/${encodeURIComponent(route.id)}`;
    case 'lecture':
      return `#/lectures/${encodeURIComponent(route.id)}${route.tab === 'board' ? '' : `/${route.tab}`}`;
  }
}

export function useRoute(): Ref<Route> {
  const route = ref<Route>(parse(location.hash)) as Ref<Route>;
  addEventListener('hashchange', () => (route.value = parse(location.hash)));
  return route;
}
