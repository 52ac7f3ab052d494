import type { Locale } from '../shared/i18n/core';
import type { Course } from '../shared/player/course';
import type { Player, PlayerOptions } from '../shared/player/player';

/** The place where a player shows something: the running lecture from its start, or a recording. Loaded when first wanted. */
export class Theatre {
  private player: Player | null = null;
  private generation = 0;

  constructor(
    readonly root: HTMLElement,
    private readonly locale: Locale,
  ) {
    root.hidden = true;
  }

  get playing(): boolean {
    const video = this.root.querySelector('video');
    return video !== null && !video.paused;
  }

  /** Whether the player came; false when something else was wanted meanwhile. Rejects when it does not load. */
  async play(options: Omit<PlayerOptions, 'root' | 'locale' | 'big'>): Promise<boolean> {
    this.close();
    const generation = this.generation;
    this.root.hidden = false;
    const { Player } = await import('../shared/player/player');
    if (generation !== this.generation) return false;
    this.player = new Player({ ...options, root: this.root, locale: this.locale, big: true });
    void this.player.start();
    this.player.focus();
    return true;
  }

  /** Changes the course in which the recording is to be seen. */
  keep(change: (before: Course) => Course): void {
    this.player?.keep(change);
  }

  /** Nothing of the picture remains, and nothing that is still loading will come. */
  close(): void {
    this.generation += 1;
    this.player?.destroy();
    this.player = null;
    this.root.hidden = true;
  }
}
