import { defineAsyncComponent, type Component } from 'vue';
import NotOpened from '../components/NotOpened.vue';
import Opening from '../components/Opening.vue';
import type { Page } from '../state/route';

/** Every page is a piece of its own, fetched when it is first opened. */
const LOADERS: Record<Page, () => Promise<unknown>> = {
  home: () => import('./HomePage.vue'),
  lectures: () => import('./LecturesPage.vue'),
  lecture: () => import('./LecturePage.vue'),
  calendar: () => import('./CalendarPage.vue'),
  plan: () => import('./PlanPage.vue'),
  reviews: () => import('./ReviewsPage.vue'),
  experts: () => import('./ExpertsPage.vue'),
  expert: () => import('./ExpertPage.vue'),
  directory: () => import('./DirectoryPage.vue'),
  school: () => import('./SchoolPage.vue'),
  class: () => import('./ClassPage.vue'),
  teachers: () => import('./TeachersPage.vue'),
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

export const PAGES = Object.fromEntries(
  Object.entries(LOADERS).map(([page, loader]) => [
    page,
    defineAsyncComponent({
      loader: loader as () => Promise<Component>,
      loadingComponent: Opening,
      errorComponent: NotOpened,
      delay: 300,
    }),
  ]),
) as Record<Page, Component>;
