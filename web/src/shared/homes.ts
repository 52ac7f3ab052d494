import { send } from './directory';

/** The links of classes to parents' lectures, for a school's administrator. Every failure is a `Problem`. */
export interface HomeLecture {
  id: string;
  title: string;
  lecturer: string;
  scheduled_at: string;
  minutes: number;
  started_at: string | null;
  ended_at: string | null;
  /** Until when it can be watched at home; null before its end. */
  until: string | null;
  called_off: boolean;
}

export interface HomeLink {
  class_id: string;
  class_name: string;
  pupils: number;
  url: string | null;
  svg: string | null;
  number: number;
  at: string | null;
  /** Households that came by the links, and those of them that count. */
  came: number;
  counted: number;
  suspicion: { households: number; seconds: number } | null;
}

export interface HomeLinks {
  lecture: HomeLecture;
  items: HomeLink[];
}

const part = encodeURIComponent;
const ofSchool = (school: string): string => `/schools/${part(school)}/homes`;

export const homesApi = {
  lectures: async (school: string): Promise<HomeLecture[]> => (await send<{ items: HomeLecture[] }>('GET', ofSchool(school))).items,
  links: (school: string, lecture: string): Promise<HomeLinks> => send('GET', `${ofSchool(school)}/${part(lecture)}`),
  issue: (school: string, lecture: string, classes: readonly string[], renew: boolean): Promise<HomeLinks> =>
    send('POST', `${ofSchool(school)}/${part(lecture)}/links`, { class_ids: classes, renew }),
};
