import type { SoundState } from '../shared/types';

/**
 * What a screen really shows, looked at once a second. Pure; times in milliseconds.
 *
 * 1. **A picture is shown when frames of the element that is seen went on since the last look**, and where an engine counts none, when its time did. What comes in over the
 *    line is not asked: a decoder that is blocked shows nothing, whatever arrives.
 * 2. A look that comes late saw nothing in between: a machine that slept has not shown what it slept through.
 */
export interface Look {
  /** Frames that the element presented so far; null where the engine does not count. */
  readonly frames: number | null;
  readonly mediaMs: number;
  /** The page is in the foreground and the element takes up room on it. */
  readonly visible: boolean;
  readonly sound: SoundState;
  readonly volume: number;
}

/** What was seen of one minute. */
export interface Tally {
  readonly watchedMs: number;
  readonly renderedMs: number;
  readonly mediaMs: number;
  readonly visibleMs: number;
  readonly audibleMs: number;
  readonly mutedMs: number;
  readonly blockedMs: number;
  readonly frames: number;
  readonly volume: number;
}

export const NOTHING: Tally = {
  watchedMs: 0,
  renderedMs: 0,
  mediaMs: 0,
  visibleMs: 0,
  audibleMs: 0,
  mutedMs: 0,
  blockedMs: 0,
  frames: 0,
  volume: 0,
};

const LATE = 2500;
/** A jump to the live edge is no media that was seen. */
const JUMP = 3000;

const went = (before: number, now: number, most: number): number => (now > before && now - before <= most ? now - before : 0);

function moved(before: Look, now: Look): boolean {
  if (now.frames === null || before.frames === null) return now.mediaMs > before.mediaMs;
  return now.frames > before.frames;
}

/** Adds what happened between two looks; `before` is null when another element, or none, was looked at. */
export function add(tally: Tally, before: Look | null, now: Look, elapsedMs: number): Tally {
  if (elapsedMs <= 0) return tally;
  const since = elapsedMs > LATE ? 0 : elapsedMs;
  const shown = before !== null && now.visible && moved(before, now) ? since : 0;
  const audible = now.sound === 'on' && now.volume > 0;
  return {
    watchedMs: tally.watchedMs + since,
    renderedMs: tally.renderedMs + shown,
    mediaMs: tally.mediaMs + (before === null ? 0 : went(before.mediaMs, now.mediaMs, JUMP)),
    visibleMs: tally.visibleMs + (now.visible ? since : 0),
    audibleMs: tally.audibleMs + (audible ? since : 0),
    mutedMs: tally.mutedMs + (now.sound === 'muted' || now.volume === 0 ? since : 0),
    blockedMs: tally.blockedMs + (now.sound === 'blocked' ? since : 0),
    frames: tally.frames + (before === null ? 0 : Math.max(0, (now.frames ?? 0) - (before.frames ?? 0))),
    volume: now.volume,
  };
}

type OldVideo = HTMLVideoElement & { webkitDecodedFrameCount?: number; webkitDroppedFrameCount?: number };

/** Frames that a video element presented, as far as the engine tells. */
export function framesOf(video: HTMLVideoElement): number | null {
  if (typeof video.getVideoPlaybackQuality === 'function') {
    const { totalVideoFrames: all, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
    return all - dropped;
  }
  const { webkitDecodedFrameCount: all, webkitDroppedFrameCount: dropped = 0 } = video as OldVideo;
  return all === undefined ? null : all - dropped;
}

export function lookAt(video: HTMLVideoElement, sound: SoundState): Look {
  const room = video.videoWidth > 0 && video.offsetWidth > 0 && video.offsetHeight > 0;
  return {
    frames: framesOf(video),
    mediaMs: Math.round(video.currentTime * 1000),
    visible: document.visibilityState === 'visible' && room,
    sound,
    volume: video.volume,
  };
}
