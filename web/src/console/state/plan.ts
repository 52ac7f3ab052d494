import type { Aimed, AudienceKind, Kind, Planned, PlanOrder, Review } from '../../shared/plans';
import { dayOf, instant, isDay, timeOf } from '../../shared/localTime';
import type { Node } from './audience';

/** What a planner types, what is wrong with it, what of it is new, and what becomes of it when somebody else changed the plan. Pure. */
export interface Form {
  title: string;
  topic: string;
  summary: string;
  audience_kind: AudienceKind;
  counts: boolean;
  lecturer_id: string;
  lecturer_name: string;
  /** Local, `2026-11-23` and `14:05`; '' while nothing is chosen. */
  day: string;
  time: string;
  minutes: number;
  audience: readonly Node[];
  kinds: readonly Kind[];
  stages: readonly Kind[];
}

export type Field = 'title' | 'topic' | 'summary' | 'audience_kind' | 'counts' | 'lecturer' | 'when' | 'minutes' | 'audience' | 'kinds' | 'stages';
export type Fault =
  | 'title.missing'
  | 'title.long'
  | 'summary.missing'
  | 'summary.long'
  | 'lecturer.missing'
  | 'day.missing'
  | 'time.missing'
  | 'when.past'
  | 'minutes.range'
  | 'audience.missing'
  | 'audience.many';
export type Faults = Partial<Record<Field, Fault>>;

export const TITLE_LONGEST = 64;
export const SUMMARY_LONGEST = 5000;
export const MINUTES = { least: 5, most: 240 } as const;
const NODES_MOST = 2000;

export function blank(day = '', time = ''): Form {
  return {
    title: '',
    topic: '',
    summary: '',
    audience_kind: 'pupils',
    counts: true,
    lecturer_id: '',
    lecturer_name: '',
    day: isDay(day) ? day : '',
    time,
    minutes: 40,
    audience: [],
    kinds: [],
    stages: [],
  };
}

export function formOf(lecture: Planned, aimed: Aimed): Form {
  return {
    title: lecture.title,
    topic: lecture.topic,
    summary: lecture.summary,
    audience_kind: lecture.audience_kind,
    counts: lecture.counts,
    lecturer_id: lecture.lecturer.id,
    lecturer_name: lecture.lecturer.name,
    day: dayOf(lecture.scheduled_at),
    time: timeOf(lecture.scheduled_at),
    minutes: lecture.minutes,
    audience: aimed.audience,
    kinds: aimed.kinds,
    stages: aimed.stages,
  };
}

/** The members of the order that a field of the form stands for, in the form in which they are sent. */
const SENT: { readonly [F in Field]: (form: Form) => Partial<PlanOrder> } = {
  title: (form) => ({ title: form.title.trim().replace(/\s+/g, ' ') }),
  topic: (form) => ({ topic: form.topic }),
  summary: (form) => ({ summary: form.summary.trim() }),
  audience_kind: (form) => ({ audience_kind: form.audience_kind }),
  counts: (form) => ({ counts: form.counts }),
  lecturer: (form) => ({ lecturer_id: form.lecturer_id === '' ? null : form.lecturer_id }),
  when: (form) => ({ scheduled_at: instant(form.day, form.time) }),
  minutes: (form) => ({ minutes: form.minutes }),
  audience: (form) => ({ audience: form.audience.map((node) => node.code).sort() }),
  kinds: (form) => ({ kinds: [...form.kinds].sort() }),
  stages: (form) => ({ stages: [...form.stages].sort() }),
};
export const FIELDS = Object.keys(SENT) as Field[];

export function orderOf(form: Form): PlanOrder {
  return Object.assign({}, ...FIELDS.map((field) => SENT[field](form))) as PlanOrder;
}

function same(field: Field, one: Form, other: Form): boolean {
  return JSON.stringify(SENT[field](one)) === JSON.stringify(SENT[field](other));
}

/** The fields in which two forms differ. */
export function differing(one: Form, other: Form): Field[] {
  return FIELDS.filter((field) => !same(field, one, other));
}

export function changesOf(base: Form, form: Form): Partial<PlanOrder> {
  return Object.assign({}, ...differing(base, form).map((field) => SENT[field](form))) as Partial<PlanOrder>;
}

/** What keeps a form from being saved; to be submitted it needs a summary as well. `base` is the plan as it stands. */
export function faults(form: Form, now: number, submits: boolean, base: Form | null): Faults {
  const found: Faults = {};
  const { title = '', summary = '', audience = [] } = orderOf(form);
  if (title === '') found.title = 'title.missing';
  else if ([...title].length > TITLE_LONGEST) found.title = 'title.long';
  if (summary.length > SUMMARY_LONGEST) found.summary = 'summary.long';
  else if (submits && summary === '') found.summary = 'summary.missing';
  if (form.lecturer_id === '') found.lecturer = 'lecturer.missing';
  const when = instant(form.day, form.time);
  if (!isDay(form.day)) found.when = 'day.missing';
  else if (when === '') found.when = 'time.missing';
  else if (Date.parse(when) < now && (base === null || !same('when', base, form))) found.when = 'when.past';
  if (!Number.isInteger(form.minutes) || form.minutes < MINUTES.least || form.minutes > MINUTES.most) found.minutes = 'minutes.range';
  if (audience.length === 0) found.audience = 'audience.missing';
  else if (audience.length > NODES_MOST) found.audience = 'audience.many';
  return found;
}

/** Fields whose change asks for another review (`signaling/lectures/review.py`). */
const CONTENT: ReadonlySet<Field> = new Set<Field>(['title', 'topic', 'summary', 'lecturer']);

/** The changed fields that send a plan back, where it has got somewhere already. */
export function sendsBack(review: Review, changed: readonly Field[]): Field[] {
  return review === 'approved' || review === 'submitted' ? changed.filter((field) => CONTENT.has(field)) : [];
}

function take(field: Field, from: Form, into: Form): Form {
  if (field === 'lecturer') return { ...into, lecturer_id: from.lecturer_id, lecturer_name: from.lecturer_name };
  if (field === 'when') return { ...into, day: from.day, time: from.time };
  return { ...into, [field]: from[field] };
}

/**
 * Joins what is typed with what somebody else has saved meanwhile: **nothing that was typed is lost**. Fields that nobody touched here
 * become theirs; in `both` are those that both changed to something else: they stay as typed, and a person has to look.
 */
export function merge(base: Form, mine: Form, theirs: Form): { form: Form; taken: Field[]; both: Field[] } {
  const changed = new Set(differing(base, mine));
  const news = differing(base, theirs);
  const taken = news.filter((field) => !changed.has(field));
  const both = news.filter((field) => changed.has(field) && !same(field, mine, theirs));
  return { form: taken.reduce((form, field) => take(field, theirs, form), mine), taken, both };
}
