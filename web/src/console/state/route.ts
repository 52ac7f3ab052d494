import { ref, type Ref } from 'vue';
import { holds, mayLeave, release } from './leaving';

/**
 * Every page has an address in the fragment, so that every place can be linked and Back works:
 * `#/<segment>`, `#/<segment>/<id>`, a lecture's tabs after its id, what narrows a list behind `?`.
 */
export const TABS = ['board', 'missing', 'plan', 'duty', 'recordings', 'exports'] as const;
export type Tab = (typeof TABS)[number];

interface Address {
  readonly segment: string;
  /** Whether an id follows: never, always, or where there is one. */
  readonly id: 'none' | 'one' | 'maybe';
}

const ADDRESSES = {
  home: { segment: '', id: 'none' },
  lectures: { segment: 'lectures', id: 'none' },
  lecture: { segment: 'lectures', id: 'one' },
  wall: { segment: 'walls', id: 'one' },
  calendar: { segment: 'calendar', id: 'none' },
  plan: { segment: 'plans', id: 'one' },
  reviews: { segment: 'reviews', id: 'none' },
  experts: { segment: 'experts', id: 'none' },
  headcounts: { segment: 'head-counts', id: 'maybe' },
  corrections: { segment: 'corrections', id: 'none' },
  faults: { segment: 'faults', id: 'none' },
  expert: { segment: 'experts', id: 'one' },
  directory: { segment: 'directory', id: 'maybe' },
  school: { segment: 'schools', id: 'one' },
  class: { segment: 'classes', id: 'one' },
  teachers: { segment: 'teachers', id: 'none' },
  coverage: { segment: 'coverage', id: 'maybe' },
  training: { segment: 'trainings', id: 'one' },
  homes: { segment: 'homes', id: 'one' },
  assessments: { segment: 'assessments', id: 'one' },
  sheet: { segment: 'sheets', id: 'one' },
  terms: { segment: 'terms', id: 'none' },
  imports: { segment: 'imports', id: 'none' },
  import: { segment: 'imports', id: 'one' },
  screens: { segment: 'screens', id: 'none' },
  stickers: { segment: 'stickers', id: 'one' },
  recordings: { segment: 'recordings', id: 'none' },
  recording: { segment: 'recordings', id: 'one' },
  people: { segment: 'people', id: 'none' },
  person: { segment: 'people', id: 'one' },
  audit: { segment: 'audit', id: 'none' },
  channels: { segment: 'channels', id: 'none' },
  alerts: { segment: 'alerts', id: 'none' },
  account: { segment: 'account', id: 'none' },
  invited: { segment: 'invited', id: 'one' },
} as const satisfies Record<string, Address>;

export type Page = keyof typeof ADDRESSES;

export interface Route {
  readonly page: Page;
  /** What the page is about; the code of a node, an id, a token. */
  readonly id?: string;
  /** Of a lecture. */
  readonly tab?: Tab;
  /** What narrows a list, so that a narrowed list can be linked. */
  readonly query?: Readonly<Record<string, string>>;
}

const HOME: Route = { page: 'home' };
const PAGES = Object.entries(ADDRESSES) as [Page, Address][];

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody's own percent sign
  }
}

function pageOf(segment: string, named: boolean): Page | undefined {
  const wanted = named ? ['one', 'maybe'] : ['none', 'maybe'];
  const found = PAGES.filter(([, address]) => address.segment === segment);
  return (found.find(([, address]) => wanted.includes(address.id)) ?? found.find(([, address]) => address.id === 'none'))?.[0];
}

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [segment = '', id = '', tab] = path.split('/').map(decoded);
  const page = pageOf(segment, id !== '');
  if (page === undefined) return HOME;
  const query = Object.fromEntries(new URLSearchParams(search));
  return {
    page,
    ...(id !== '' && ADDRESSES[page].id !== 'none' && { id }),
    ...(page === 'lecture' && { tab: TABS.find((name) => name === tab) ?? 'board' }),
    ...(search !== '' && { query }),
  };
}

export function format(route: Route): string {
  const { segment } = ADDRESSES[route.page];
  const id = route.id === undefined ? '' : `/${encodeURIComponent(route.id)}`;
  const tab = route.tab === undefined || route.tab === 'board' ? '' : `/${route.tab}`;
  const search = new URLSearchParams(route.query).toString();
  return `#/${segment}${id}${tab}${search === '' ? '' : `?${search}`}`;
}

/** Leaves what is in the way of going back alone: a list that is narrowed further is not another page. */
export function narrow(route: Route): void {
  history.replaceState(history.state, '', format(route));
}

export function useRoute(): Ref<Route> {
  const route = ref<Route>(parse(location.hash)) as Ref<Route>;
  async function follow(event: HashChangeEvent): Promise<void> {
    const wanted = location.hash;
    if (holds()) {
      history.pushState(history.state, '', event.oldURL); // the address stays with what is shown while somebody is asked
      if (!(await mayLeave())) return;
      release();
      history.replaceState(history.state, '', wanted === '' ? '#/' : wanted);
    }
    route.value = parse(wanted);
  }
  window.addEventListener('hashchange', (event) => void follow(event));
  return route;
}
