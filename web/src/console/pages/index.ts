import { defineAsyncComponent, type Component } from 'vue';
import NotOpened from '../components/NotOpened.vue';
import Opening from '../components/Opening.vue';
import type { Page } from '../state/route';

type Loader = () => Promise<unknown>;

/** A school and a class are shown beside the tree, by the page of the directory. */
const openDirectory: Loader = () => import('./DirectoryPage.vue');
export const BESIDE_TREE: ReadonlySet<Page> = new Set<Page>(['directory', 'school', 'class']);

/** Every page is a piece of its own, fetched when it is first opened. */
const LOADERS: Record<Page, Loader> = {
  home: () => import('./HomePage.vue'),
  lectures: () => import('./LecturesPage.vue'),
  lecture: () => import('./LecturePage.vue'),
  wall: () => import('./WallPage.vue'),
  calendar: () => import('./CalendarPage.vue'),
  plan: () => import('./PlanPage.vue'),
  reviews: () => import('./ReviewsPage.vue'),
  experts: () => import('./ExpertsPage.vue'),
  headcounts: () => import('./HeadcountsPage.vue'),
  corrections: () => import('./CorrectionsPage.vue'),
  faults: () => import('./FaultsPage.vue'),
  expert: () => import('./ExpertPage.vue'),
  directory: openDirectory,
  school: openDirectory,
  class: openDirectory,
  teachers: () => import('./TeachersPage.vue'),
  coverage: () => import('./CoveragePage.vue'),
  training: () => import('./TrainingPage.vue'),
  homes: () => import('./HomesPage.vue'),
  assessments: () => import('./AssessmentsPage.vue'),
  sheet: () => import('./SheetPage.vue'),
  terms: () => import('./TermsPage.vue'),
  imports: () => import('./ImportsPage.vue'),
  import: () => import('./ImportPage.vue'),
  screens: () => import('./ScreensPage.vue'),
  stickers: () => import('./StickersPage.vue'),
  recordings: () => import('./RecordingsPage.vue'),
  recording: () => import('./RecordingPage.vue'),
  people: () => import('./PeoplePage.vue'),
  person: () => import('./PersonPage.vue'),
  audit: () => import('./AuditPage.vue'),
  channels: () => import('./ChannelsPage.vue'),
  alerts: () => import('./AlertsPage.vue'),
  account: () => import('./AccountPage.vue'),
  invited: () => import('./InvitedPage.vue'),
};

/** Pages for somebody who is not logged in. */
export const PUBLIC: ReadonlySet<Page> = new Set<Page>(['invited']);

const opened = (loader: Loader): Component =>
  defineAsyncComponent({ loader: loader as () => Promise<Component>, loadingComponent: Opening, errorComponent: NotOpened, delay: 300 });

const pieces = new Map<Loader, Component>([...new Set(Object.values(LOADERS))].map((loader) => [loader, opened(loader)]));

export const PAGES = Object.fromEntries(
  Object.entries(LOADERS).map(([page, loader]) => [page, pieces.get(loader)]),
) as Record<Page, Component>;
