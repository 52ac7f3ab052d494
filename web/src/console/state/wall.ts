import { LEVELS, type Level, type Reason, type WallChange, type WallClass, type WallCounty, type WallDocument, type WallSchool } from '../../shared/wall';

/** Folds over the board of evidence, and where its tiles stand. Pure. */

/** How much of a school receives; the last three say why nothing does. */
export const SHARES = ['full', 'most', 'few', 'connected', 'lost', 'none'] as const;
export type Share = (typeof SHARES)[number];

export const receiving = (school: WallSchool): number => school.classes.filter((one) => one.state === 'receiving').length;

export function shareOf(school: WallSchool): Share {
  const there = receiving(school);
  if (there > 0) return there === school.classes.length ? 'full' : 2 * there >= school.classes.length ? 'most' : 'few';
  if (school.classes.some((one) => one.state === 'connected')) return 'connected';
  return school.classes.some((one) => one.state === 'lost') ? 'lost' : 'none';
}

export interface Sums {
  readonly schools: number;
  readonly schoolsReceiving: number;
  readonly classes: number;
  readonly classesReceiving: number;
  readonly levels: Readonly<Record<Level, number>>;
  readonly reasons: ReadonlyMap<Reason, number>;
  readonly shares: ReadonlyMap<Share, number>;
  readonly forged: number;
}

export function sums(counties: readonly WallCounty[]): Sums {
  const levels = Object.fromEntries(LEVELS.map((level) => [level, 0])) as Record<Level, number>;
  const reasons = new Map<Reason, number>();
  const shares = new Map<Share, number>();
  let [schools, classes, classesReceiving, forged] = [0, 0, 0, 0];
  for (const school of counties.flatMap((county) => county.schools)) {
    schools += 1;
    const share = shareOf(school);
    shares.set(share, (shares.get(share) ?? 0) + 1);
    for (const one of school.classes) {
      classes += 1;
      levels[one.level] += 1;
      if (one.state === 'receiving') classesReceiving += 1;
      if (one.forged) forged += 1;
      if (one.reason !== '') reasons.set(one.reason, (reasons.get(one.reason) ?? 0) + 1);
    }
  }
  const schoolsReceiving = (shares.get('full') ?? 0) + (shares.get('most') ?? 0) + (shares.get('few') ?? 0);
  return { schools, schoolsReceiving, classes, classesReceiving, levels, reasons, shares, forged };
}

/** Puts pushed lines in; what did not change stays the same object. An older message than the board changes nothing. */
export function apply(board: WallDocument, change: WallChange): WallDocument {
  if (change.boot_id === board.boot_id && change.revision < board.revision) return board;
  const lines = new Map(change.classes.map((line) => [line.id, line]));
  const inClass = (old: WallClass): WallClass => {
    const line = lines.get(old.id);
    return line === undefined ? old : { ...old, ...line };
  };
  const inSchool = (old: WallSchool): WallSchool => {
    const classes = old.classes.map(inClass);
    return classes.every((one, i) => one === old.classes[i]) ? old : { ...old, classes };
  };
  const counties = board.counties.map((old) => {
    const schools = old.schools.map(inSchool);
    return schools.every((one, i) => one === old.schools[i]) ? old : { ...old, schools };
  });
  const { revision, at, levels_at, state } = change;
  return { ...board, revision, at, levels_at, state, counties };
}

/* Where tiles stand: county units share the space by their schools (a squarified treemap), and all tiles are of one size. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Plot extends Box {
  readonly code: string;
  readonly schools: number;
  readonly columns: number;
}

export interface Layout {
  /** Side of a tile with its gap. */
  readonly cell: number;
  readonly plots: readonly Plot[];
}

const LARGEST = 64;
const GAP = 10;

/** `sizes` are the schools of each county unit, in the order of reports; `head` is the height of a unit's name. */
export function layout(sizes: readonly { code: string; schools: number }[], width: number, height: number, head: number): Layout {
  const all = sizes.reduce((sum, one) => sum + one.schools, 0);
  if (all === 0 || width < 1 || height < 1) return { cell: 0, plots: [] };
  const weighed = sizes.map((one) => ({ ...one, weight: one.schools + 0.04 * all })).sort((a, b) => b.weight - a.weight);
  const boxes = squarify(
    weighed.map((one) => one.weight),
    { x: 0, y: 0, width, height },
  );
  const spaces = boxes.map((box, i) => ({
    code: weighed[i]?.code ?? '',
    schools: weighed[i]?.schools ?? 0,
    x: box.x + GAP / 2,
    y: box.y + GAP / 2,
    width: box.width - GAP,
    height: box.height - GAP,
  }));
  let cell = LARGEST;
  while (cell > 4 && !spaces.every((one) => fits(one.schools, one.width, one.height - head, cell))) cell -= 0.5;
  const plots = spaces.map((space) => ({ ...space, columns: Math.max(1, Math.floor(space.width / cell)) }));
  return { cell, plots };
}

function fits(count: number, width: number, height: number, cell: number): boolean {
  return Math.floor(width / cell) * Math.floor(height / cell) >= count;
}

/** Bruls, Huizing, van Wijk: Squarified Treemaps (2000): rows along the shorter side, as long as the worst aspect ratio gets no worse. */
function squarify(weights: readonly number[], space: Box): Box[] {
  const total = weights.reduce((sum, one) => sum + one, 0);
  const areas = weights.map((one) => (one / total) * space.width * space.height);
  const boxes: Box[] = [];
  let rest = space;
  for (let from = 0; from < areas.length; ) {
    const side = Math.min(rest.width, rest.height);
    let to = from + 1;
    while (to < areas.length && worst(areas.slice(from, to + 1), side) <= worst(areas.slice(from, to), side)) to += 1;
    const row = areas.slice(from, to);
    const depth = row.reduce((sum, one) => sum + one, 0) / side;
    let along = 0;
    for (const area of row) {
      const length = area / depth;
      boxes.push(
        rest.width >= rest.height
          ? { x: rest.x, y: rest.y + along, width: depth, height: length }
          : { x: rest.x + along, y: rest.y, width: length, height: depth },
      );
      along += length;
    }
    rest =
      rest.width >= rest.height
        ? { x: rest.x + depth, y: rest.y, width: rest.width - depth, height: rest.height }
        : { x: rest.x, y: rest.y + depth, width: rest.width, height: rest.height - depth };
    from = to;
  }
  return boxes;
}

function worst(row: readonly number[], side: number): number {
  const sum = row.reduce((one, other) => one + other, 0);
  return Math.max(...row.map((area) => Math.max((side * side * area) / (sum * sum), (sum * sum) / (side * side * area))));
}

/** Where an arrow leads from tile `at` of `count` in rows of `columns`; the same place when there is none. */
export function step(key: string, at: number, count: number, columns: number): number {
  const moves: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const wanted = key === 'Home' ? 0 : key === 'End' ? count - 1 : at + (moves[key] ?? 0);
  return wanted >= 0 && wanted < count ? wanted : at;
}
