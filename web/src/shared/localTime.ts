/**
 * Days and minutes of Asia/Shanghai, whatever zone the machine is in. Pure.
 *
 * China has had one time, eight hours before UTC, without summer time since 1991; so local times are arithmetic.
 * A day is `2026-11-23`, a time of day `14:05`, a month `2026-11`.
 */
const AHEAD_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;

/** The instant of a local day and time with or without seconds, `2026-11-23T06:05:00.000Z`; '' for what is no time at all. */
export function instant(day: string, time: string): string {
  if (!isDay(day) || !/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(time)) return '';
  return new Date(`${day}T${time.length === 5 ? `${time}:00` : time}+08:00`).toISOString();
}

/** Whether a text is a day that exists. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

const shifted = (iso: string | number): string => new Date(new Date(iso).getTime() + AHEAD_MS).toISOString();

/** The local day of an instant. */
export function dayOf(iso: string | number): string {
  return shifted(iso).slice(0, 10);
}

/** The local time of day of an instant. */
export function timeOf(iso: string | number): string {
  return shifted(iso).slice(11, 16);
}

/** `2026-11-23 14:05`, as pickers hold it; '' for no time. */
export function stampOf(iso: string): string {
  return iso === '' ? '' : `${dayOf(iso)} ${timeOf(iso)}`;
}

/** `2026-11-23 14:05:31`, for data that differ within a minute; '' for no time. */
export function secondOf(iso: string): string {
  return iso === '' ? '' : shifted(iso).slice(0, 19).replace('T', ' ');
}

/** The instant of a stamp, '' for what is none. */
export function momentOf(stamp: string): string {
  return instant(stamp.slice(0, 10), stamp.slice(11));
}

/** Minutes since the midnight before. */
export function minuteOf(iso: string | number): number {
  const time = timeOf(iso);
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The same day of another month, or the last one of that month. */
export function addMonths(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}

/** 0 for Monday to 6 for Sunday. */
export function weekday(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
}

export function monday(day: string): string {
  return addDays(day, -weekday(day));
}

/** The instant at which a local day begins. */
export function midnight(day: string): string {
  return instant(day, '00:00');
}

/** `15:35` as the end of what begins at `14:55` and takes 40 minutes; past midnight the next day's time. */
export function endOf(iso: string, minutes: number): string {
  return timeOf(new Date(iso).getTime() + minutes * 60_000);
}
