import { problemsEn, problemsZh } from '../../shared/i18n/problems';
import { createI18n } from '../../shared/i18n/vue';
import { en } from './en';
import { zh } from './zh';

export const i18n = createI18n({ 'zh-CN': { ...problemsZh, ...zh }, en: { ...problemsEn, ...en } });
export const { t, has, choose, locale } = i18n;
