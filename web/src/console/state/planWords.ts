import { TOPICS, type Kind } from '../../shared/plans';
import { t, type Key } from '../words';
import type { Node } from './audience';
import type { Field, Form } from './plan';

/** Plans in words. */
export function topicText(topic: string): string {
  const place = (TOPICS as readonly string[]).indexOf(topic);
  if (place >= 0) return t(`plan.topic.${String(place)}` as Key);
  return topic === '' ? t('plan.topic.none') : topic;
}

export const kindText = (kind: Kind): string => t(`plan.kind.${kind}`);
export const stageText = (stage: Kind): string => t(`plan.stage.${stage}` as Key);

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? t('plan.facts.all') : texts.join(t('plan.comma'));
}

export const kindsText = (kinds: readonly Kind[]): string => listed(kinds.map(kindText));
export const stagesText = (stages: readonly Kind[]): string => listed(stages.map(stageText));
export const audienceText = (audience: readonly Pick<Node, 'name'>[]): string => audience.map((node) => node.name).join(t('plan.comma'));

export function fieldsText(fields: readonly Field[]): string {
  return fields.map((field) => t(`plan.field.${field}`)).join(t('plan.comma'));
}

/** What a field of a form says. */
export function said(field: Field, form: Form): string {
  switch (field) {
    case 'topic':
      return topicText(form.topic);
    case 'audience_kind':
      return t(`plan.for.${form.audience_kind}`);
    case 'counts':
      return t(form.counts ? 'plan.counts.yes' : 'plan.counts.no');
    case 'lecturer':
      return form.lecturer_name;
    case 'when':
      return `${form.day} ${form.time}`;
    case 'minutes':
      return t('lectures.minutes', { minutes: form.minutes });
    case 'audience':
      return audienceText(form.audience);
    case 'kinds':
      return kindsText(form.kinds);
    case 'stages':
      return stagesText(form.stages);
    default:
      return form[field];
  }
}
