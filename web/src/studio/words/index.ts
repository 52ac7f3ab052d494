import { problemsEn, problemsZh } from '../../shared/i18n/problems';
import { createI18n } from '../../shared/i18n/vue';
import { isRehearsal } from '../../shared/rehearsal';
import { lectureIdOf } from '../state/entry';
import { en } from './en';
import { rehearsalEn, rehearsalZh } from './rehearsal';
import { zh } from './zh';

/** A page is for a lecture or for a rehearsal from its first to its last moment. */
export const rehearsing = isRehearsal(lectureIdOf(location.pathname));

export const i18n = createI18n({
  'zh-CN': { ...problemsZh, ...zh, ...(rehearsing && rehearsalZh) },
  en: { ...problemsEn, ...en, ...(rehearsing && rehearsalEn) },
});
export const { t, has, choose, locale } = i18n;
