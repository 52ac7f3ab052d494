import type { Locale } from './i18n/core';

/** How numbers and times are written on every page. Times are those of Asia/Shanghai, whatever the machine's clock says. */

const ZONE = 'Asia/Shanghai';

/** `2026-11-23 14:05` */
export function dateTime(iso: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: ZONE,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(new Date(iso));
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')} ${of('hour')}:${of('minute')}`;
}

const two = (n: number): string => (n < 10 ? `0${String(n)}` : String(n));

/** `00:12:31` for a running clock. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** `45 分 12 秒` */
export function duration(seconds: number, locale: Locale): string {
  const s = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  const [h, m, t] = locale === 'en' ? [' h', ' min', ' s'] : [' 小时', ' 分', ' 秒'];
  const head = hours > 0 ? `${String(hours)}${h} ` : '';
  return `${head}${String(minutes)}${m} ${String(rest)}${t}`;
}

/** `1,412` */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1,652 / 1,675（98.63%）`; nothing expected gives no percentage. */
export function ratio(part: number, whole: number, locale: Locale): string {
  const base = `${count(part)} / ${count(whole)}`;
  if (whole <= 0) return base;
  const share = `${((part / whole) * 100).toFixed(2)}%`;
  return locale === 'en' ? `${base} (${share})` : `${base}（${share}）`;
}

/** `12.3 MB` */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [n, 0];
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit] ?? ''}`;
}
