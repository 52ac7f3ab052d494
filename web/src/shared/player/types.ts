import type { Locale } from '../i18n/core';
import type { Chapter } from '../types';
import type { Course } from './course';

export type { Chapter };

/** What is played: the running broadcast from its first second (`live`), or a finished recording. */
export interface Programme {
  /** The recording's id: the place where somebody stopped is kept under it. */
  id: string;
  title: string;
  /** The multivariant playlist. */
  url: string;
  /** The watch token as it is now; asked for before every request, because it is renewed. */
  token: () => string;
  live: boolean;
  durationS: number | null;
  chapters: readonly Chapter[];
  /** WebVTT whose cues name a rectangle of the sprite (`sprite.jpg#xywh=…`). */
  thumbsUrl: string | null;
  posterUrl: string | null;
}

export interface PlayerOptions {
  root: HTMLElement;
  locale: Locale;
  programme: Programme;
  /** Touched from an arm's length and read from eight metres: targets of 80 px and more. */
  big?: boolean;
  /** Where to begin, without asking; else a finished recording goes on where it was left and a live one at the live edge. */
  startAt?: number | 'live';
  /** The recording is to be seen in its course (`Player.keep` changes it). */
  course?: Course | null;
  /** Gets a new watch token before somebody tries again after a refusal. */
  renew?(): Promise<void>;
  /** Shows a button that closes the player. */
  onClose?(): void;
  /** 回到直播 leaves the player, for a host that shows the live picture by other means. */
  onLive?(): void;
  /** The broadcast was cut: the picture is already gone. */
  onGone?(): void;
}
