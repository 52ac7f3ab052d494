import type { Params } from '../shared/i18n/core';
import { countdown, timeOf } from './clock';
import type { ErrorCode } from './codes';
import type { Model, Phase } from './model';
import type { SoundState } from '../shared/types';
import { backupOf } from './settle';
import { nextOf, reasonOf, type Word } from './words';

/**
 * What is to be seen, computed from the machine's model. Pure: no document, no clock.
 *
 * 1. **The picture is shown in `live` only**; everywhere else a slate covers it.
 * 2. **Never silently muted**: wherever sound could be heard and is not, the bar says so.
 */
export type ScreenName = 'waiting' | 'live' | 'paused' | 'cut' | 'ended' | 'reconnecting' | 'error' | 'unscheduled' | 'rewinding';

export type Shape = 'clock' | 'pause' | 'stop' | 'check' | 'calendar' | 'ring' | 'warning';

export interface Line {
  readonly word: Word;
  readonly params?: Params;
}

export interface Slate {
  readonly shape: Shape;
  readonly overline: Line | null;
  /** A sentence of ours, or a lecture's own title. */
  readonly title: Line | { readonly text: string };
  readonly sub: Line | null;
  readonly caption: Line | null;
  /** What is read from farthest: the countdown, the date, or 等待开始. */
  readonly digits: Line | { readonly text: string } | null;
  readonly next: Line | null;
  readonly code: ErrorCode | null;
  readonly button: 'enter' | 'again' | 'here' | null;
  /** Whether 看回放 is offered: there is time for it. */
  readonly replay: boolean;
  /** Shown over the dimmed last frame. */
  readonly sheer: boolean;
  /** Shown only if it lasts, so that a change that takes a moment does not flicker. */
  readonly patient: boolean;
}

export interface View {
  readonly state: ScreenName;
  readonly slate: Slate | null;
  /** What the bar over the missing sound says, null where there is none: the browser wants a touch, or somebody turned it off. */
  readonly soundBar: 'sound.open' | 'sound.muted' | null;
  /** How the picture comes; `rewind` is the running lecture from an earlier moment. */
  readonly path: 'webrtc' | 'hls' | 'rewind';
  /** Whether the touch bar offers 从头看. */
  readonly rewindable: boolean;
}

export interface Circumstances {
  readonly entered: boolean;
  readonly sound: SoundState;
  /** The server's time in milliseconds, null before it is known. */
  readonly now: number | null;
}

const NAMES: Readonly<Record<Phase, ScreenName>> = {
  asking: 'waiting',
  unscheduled: 'unscheduled',
  waiting: 'waiting',
  joining: 'waiting',
  live: 'live',
  rewinding: 'rewinding',
  paused: 'paused',
  cut: 'cut',
  ended: 'ended',
  reconnecting: 'reconnecting',
  error: 'error',
};

const AUDIBLE: ReadonlySet<Phase> = new Set<Phase>(['live', 'joining', 'reconnecting']);
const MISSES_TO_TELL = 3;
const DIALS_TO_TELL = 4;
/** So long before a lecture nobody should begin to watch another one. */
const REPLAY_MARGIN = 10 * 60_000;

const EMPTY: Slate = {
  shape: 'clock',
  overline: null,
  title: { word: 'asking.title' },
  sub: null,
  caption: null,
  digits: null,
  next: null,
  code: null,
  button: null,
  replay: false,
  sheer: false,
  patient: false,
};

const line = (word: Word, params?: Params): Line => (params === undefined ? { word } : { word, params });

/** What a code means, as title and next step. */
function failing(code: ErrorCode): Partial<Slate> {
  return { sub: line(reasonOf(code)), next: line(nextOf(code)), code };
}

/** Why there is no picture, as far as it can be told from here. */
function trouble(model: Model): Partial<Slate> {
  if (model.restarting) return { next: line('reconnecting.restart') };
  if (model.misses >= MISSES_TO_TELL) return failing(model.missed);
  if (model.backup) return { next: line('switching.next') };
  if (model.studioLost) return { next: line('reconnecting.studio') };
  if (model.peer !== 'up' && model.dials >= DIALS_TO_TELL) return failing('E-43');
  return {};
}

function asking(model: Model): Slate {
  return { ...EMPTY, shape: 'ring', ...trouble(model) };
}

/** Digits, a date, or 等待开始. */
function due(model: Model, now: number | null): Partial<Slate> {
  const at = Date.parse(model.watch?.lecture?.scheduled_at ?? '');
  const left = now === null ? null : countdown(at, now);
  if (left === null) return { digits: line('waiting.soon') };
  if ('date' in left) return { caption: line('waiting.date'), digits: { text: left.date } };
  return { caption: line('waiting.left'), digits: { text: left.digits } };
}

function hasTime(model: Model, now: number | null): boolean {
  const at = Date.parse(model.watch?.lecture?.scheduled_at ?? '');
  if (model.watch?.lecture == null) return true;
  return model.watch.state === 'scheduled' && now !== null && at - now > REPLAY_MARGIN;
}

function waiting(model: Model, { entered, now }: Circumstances): Slate {
  const lecture = model.watch?.lecture ?? null;
  return {
    ...EMPTY,
    overline: entered ? line('waiting.next') : null,
    title: lecture === null ? line('waiting.soon') : { text: lecture.title },
    sub: lecture === null ? null : line('waiting.by', { name: lecture.lecturer }),
    ...(lecture === null ? {} : due(model, now)),
    next: entered ? line('waiting.entered') : null,
    button: entered ? null : 'enter',
    replay: hasTime(model, now),
  };
}

function error(model: Model): Slate {
  const code = model.error ?? 'E-42';
  const button = code === 'E-31' ? 'here' : 'again';
  return { ...EMPTY, shape: 'warning', title: line('error.title'), ...failing(code), button };
}

function slateOf(model: Model, circumstances: Circumstances): Slate | null {
  const button = circumstances.entered ? null : 'enter';
  switch (model.phase) {
    case 'live':
    case 'rewinding':
      return null;
    case 'asking':
      return asking(model);
    case 'waiting':
      return waiting(model, circumstances);
    case 'joining':
      return { ...EMPTY, shape: 'ring', title: line('joining.title'), ...(model.backup ? trouble(model) : {}), patient: !model.backup };
    case 'paused':
      return { ...EMPTY, shape: 'pause', title: line('paused.title'), next: line('paused.next'), button };
    case 'cut':
      return { ...EMPTY, shape: 'stop', title: line('cut.title'), next: line('cut.next') };
    case 'ended':
      return { ...EMPTY, shape: 'check', title: line('ended.title'), next: line('ended.next'), replay: true };
    case 'unscheduled':
      return { ...EMPTY, shape: 'calendar', title: line('unscheduled.title'), next: line('unscheduled.next'), replay: true };
    case 'reconnecting':
      return { ...EMPTY, shape: 'ring', title: line('reconnecting.title'), ...trouble(model), sheer: true };
    case 'error':
      return error(model);
  }
}

function nameOf(model: Model): ScreenName {
  return model.phase === 'asking' && model.misses >= MISSES_TO_TELL ? 'reconnecting' : NAMES[model.phase];
}

export function project(model: Model, circumstances: Circumstances): View {
  return {
    state: nameOf(model),
    slate: slateOf(model, circumstances),
    soundBar: circumstances.sound === 'on' || !AUDIBLE.has(model.phase) ? null : circumstances.sound === 'muted' ? 'sound.muted' : 'sound.open',
    path: model.phase === 'rewinding' ? 'rewind' : model.path,
    rewindable: model.phase === 'live' && backupOf(model) !== null,
  };
}

/** `14:05` in the corner, or nothing before the server has told the time. */
export const cornerClock = (now: number | null): string => (now === null ? '' : timeOf(now));
