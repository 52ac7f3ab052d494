import { STAGES, type Expert, type Hindrance, type Rating } from '../../shared/experts';
import { dateTime } from '../../shared/format';
import { t } from '../words';
import { topicText } from './planWords';

/** Lecturers in words. */
export function hindranceText(one: Hindrance): string {
  if (one.reason === 'lecture') return one.title === null ? t('expert.why.lecture') : t('plan.lecturer.busy', { title: one.title });
  if (one.reason === 'away') return t('expert.why.away', { from: dateTime(one.begins_at ?? ''), until: dateTime(one.ends_at ?? '') });
  return t(`expert.why.${one.reason}`);
}

/** Everything that is in the way, '' for who is free or where no time was asked for. */
export const whyNot = (one: Pick<Expert, 'hindrances'>): string => (one.hindrances ?? []).map(hindranceText).join(t('plan.comma'));

export function stagesOf(one: Pick<Expert, 'stages'>): string {
  const known = STAGES.filter((stage) => one.stages.includes(stage));
  return known.map((stage) => t(`experts.stage.${stage}`)).join(' · ') || t('experts.all');
}

export const topicsOf = (one: Pick<Expert, 'topics'>): string => one.topics.map(topicText).join(t('plan.comma')) || t('experts.all');

/** `4.5 分（3 次）`: a mean never stands without how many said so. */
export function ratingText(rating: Rating | null): string {
  return rating === null ? t('rating.none') : t('rating.mean', { mean: rating.mean.toFixed(1), count: rating.count });
}
