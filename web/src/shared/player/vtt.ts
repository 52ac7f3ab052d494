/** The preview pictures: WebVTT cues that name a rectangle of one picture by a media fragment (`sprite.jpg#xywh=160,0,160,90`). */
export interface Thumb {
  start: number;
  end: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** More than a day at one picture in ten seconds: a file with more is not ours. */
const MOST_CUES = 10_000;
const TIMING = /^(\S+)\s+-->\s+(\S+)/;
const FRAGMENT = /^(.*)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

/** Seconds of `[hh:]mm:ss.ttt` (W3C WebVTT §4.1), or NaN. */
export function seconds(stamp: string): number {
  const match = /^(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})$/.exec(stamp);
  if (match === null) return Number.NaN;
  const [, hours = '0', minutes, rest, thousandths] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(rest) + Number(thousandths) / 1000;
}

function cue(lines: readonly string[], base: string): Thumb | null {
  const i = lines.findIndex((line) => TIMING.test(line));
  const [timing, place] = [TIMING.exec(lines[i] ?? ''), FRAGMENT.exec((lines[i + 1] ?? '').trim())];
  if (timing === null || place === null) return null;
  const [start, end] = [seconds(timing[1] ?? ''), seconds(timing[2] ?? '')];
  const [x, y, width, height] = place.slice(2).map(Number) as [number, number, number, number];
  if (!(start < end) || width === 0 || height === 0) return null;
  return { start, end, url: new URL(place[1] ?? '', base).href, x, y, width, height };
}

/** The cues in order; blocks that are none are left out, a file that is no WebVTT has none. `base` is the file's absolute address. */
export function parseThumbs(text: string, base: string): Thumb[] {
  const blocks = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n').split(/\n{2,}/);
  if (!/^WEBVTT(?:[ \t\n]|$)/.test(blocks[0] ?? '')) return [];
  const cues = blocks.slice(1, MOST_CUES + 1).map((block) => cue(block.split('\n'), base));
  return cues.filter((found): found is Thumb => found !== null).sort((a, b) => a.start - b.start);
}

/** The picture for a moment: its own, or the last one before it. */
export function thumbAt(thumbs: readonly Thumb[], at: number): Thumb | null {
  let [low, high] = [0, thumbs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((thumbs[middle]?.start ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return thumbs[Math.max(0, low - 1)] ?? null;
}
