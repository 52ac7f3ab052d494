import type { Locale } from '../i18n/core';

/** Times within a recording, as people write them. */

const two = (n: number): string => (n < 10 ? `0${String(n)}` : String(n));

/** `12:05`, and `1:02:05` from an hour on. */
export function position(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours > 0 ? `${String(hours)}:${two(minutes)}:${two(s % 60)}` : `${String(minutes)}:${two(s % 60)}`;
}

/** `3 分 12 秒`, `25 秒`, `1 小时 3 分`: what is not needed is left out. */
export function span(seconds: number, locale: Locale): string {
  const s = Math.max(0, Math.round(seconds));
  const [h, m, t] = locale === 'en' ? [' h', ' min', ' s'] : [' 小时', ' 分', ' 秒'];
  const [hours, minutes, rest] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  if (hours > 0) return `${String(hours)}${h} ${String(minutes)}${m}`;
  return minutes > 0 ? `${String(minutes)}${m} ${String(rest)}${t}` : `${String(rest)}${t}`;
}
