import { api } from '../shared/api';
import type { Locale } from '../shared/i18n/core';
import type { Course } from '../shared/player/course';
import { Problem } from '../shared/problem';
import type { Recording, RecordingWatch } from '../shared/types';
import type { ErrorCode } from './codes';
import type { Identity } from './identity';
import { MakingUp } from './make-up';
import type { Phase } from './model';
import { CLOSED, shelve, type Shelf, type ShelfEvent } from './shelf';
import { ShelfPage } from './shelf-page';
import type { Theatre } from './theatre';

/** The shell of the recordings: asks the server, shows the list, opens the player, and makes way for a lecture. */

const ON_AIR: ReadonlySet<Phase> = new Set<Phase>(['joining', 'live', 'reconnecting', 'rewinding']);
/** Pictures of cards that are kept: some pages of them. */
const PICTURES = 30;

export interface ReplayOutlet {
  readonly theatre: Theatre;
  readonly locale: Locale;
  identity(): Identity | ErrorCode;
  /** The shelf opened or closed: while it is open the live picture is covered and quiet. */
  covered(covered: boolean): void;
}

const codeOf = (error: unknown): string => (error instanceof Problem ? error.code : 'offline');

export class Replay {
  readonly page: ShelfPage;
  private shelf: Shelf = CLOSED;
  private makingUp: MakingUp | null = null;
  private readonly pictures = new Map<string, Promise<string | null>>();

  constructor(private readonly outlet: ReplayOutlet) {
    this.page = new ShelfPage(outlet.locale, {
      choose: (recording) => this.dispatch({ type: 'choose', recording }),
      turn: (by) => this.dispatch({ type: 'turn', by }),
      retry: () => this.dispatch({ type: 'retry' }),
      back: () => this.dispatch({ type: 'back' }),
      leave: () => this.dispatch({ type: 'leave' }),
      picture: (recording) => this.picture(recording),
    });
    const touched = (): void => this.dispatch({ type: 'touched' });
    for (const root of [this.page.root, outlet.theatre.root]) root.addEventListener('pointerdown', touched);
  }

  get open(): boolean {
    return this.shelf.at !== 'closed';
  }

  get at(): Shelf['at'] {
    return this.shelf.at;
  }

  enter(): void {
    this.dispatch({ type: 'open' });
  }

  /** Called twice a second and at every change of phase. */
  follow(phase: Phase): void {
    if (!this.open) return;
    if (phase === 'error') this.dispatch({ type: 'leave' });
    else this.dispatch({ type: 'tick', onAir: ON_AIR.has(phase), playing: this.outlet.theatre.playing });
  }

  private dispatch(event: ShelfEvent): void {
    const before = this.shelf;
    const now = performance.now();
    const shelf = (this.shelf = shelve(before, event, now));
    this.page.render(shelf, now);
    if (shelf.at === before.at) return;
    if ((before.at === 'closed') !== (shelf.at === 'closed')) this.outlet.covered(shelf.at !== 'closed');
    if (before.at === 'watching' || (before.at === 'opening' && shelf.at !== 'watching')) {
      this.makingUp?.stop();
      this.outlet.theatre.close();
    }
    if (shelf.at === 'closed') this.forget();
    if (shelf.at === 'loading') void this.load();
    if (shelf.at === 'opening' && shelf.chosen !== null) void this.play(shelf.chosen);
  }

  /** This screen and its token; without them nothing was ever paired. */
  private who(): Identity {
    const who = this.outlet.identity();
    if (typeof who === 'string') throw new Problem(0, who);
    return who;
  }

  private async load(): Promise<void> {
    try {
      this.dispatch({ type: 'loaded', items: await api.screenRecordings(this.who()) });
    } catch (error) {
      this.dispatch({ type: 'failed', code: codeOf(error) });
    }
  }

  private pass(recording: Recording): Promise<RecordingWatch> {
    return api.watchScreenRecording(this.who(), recording.id);
  }

  private async play(recording: Recording): Promise<void> {
    try {
      let pass = await this.pass(recording);
      const posterUrl = await this.picture(recording);
      if (this.shelf.at !== 'opening' || this.shelf.chosen !== recording) return;
      const programme = {
        id: recording.id,
        title: recording.title,
        url: pass.hls_url,
        token: () => pass.token,
        live: pass.live,
        durationS: recording.duration_s,
        chapters: recording.chapters,
        thumbsUrl: recording.thumbs_url,
        posterUrl,
      };
      const renew = async (): Promise<void> => void (pass = await this.pass(recording));
      const course = await this.follows(recording);
      if (this.shelf.at !== 'opening' || this.shelf.chosen !== recording) return;
      const startAt = course === null || course.done ? {} : { startAt: course.farthestS };
      const onClose = (): void => this.dispatch({ type: 'back' });
      const came = await this.outlet.theatre.play({ programme, renew, onClose, course, ...startAt });
      if (came) this.dispatch({ type: 'opened' });
    } catch (error) {
      this.dispatch({ type: 'failed', code: codeOf(error) });
    }
  }

  /** The course in which a class sees what it makes up; null for everybody else. */
  private follows({ id }: Recording): Promise<Course | null> {
    this.makingUp?.stop();
    this.makingUp = new MakingUp(
      () => api.makeUp(this.who(), id),
      (change) => this.outlet.theatre.keep(change),
    );
    return this.makingUp.begin();
  }

  private picture({ id, thumbnail_url: url }: Recording): Promise<string | null> {
    if (url === null) return Promise.resolve(null);
    const kept = this.pictures.get(id);
    if (kept !== undefined) return kept;
    if (this.pictures.size >= PICTURES) this.forget();
    const asked = api.screenPicture(this.who(), url).then(
      (blob) => URL.createObjectURL(blob),
      () => null,
    );
    this.pictures.set(id, asked);
    return asked;
  }

  private forget(): void {
    for (const asked of this.pictures.values()) void asked.then((url) => url !== null && URL.revokeObjectURL(url));
    this.pictures.clear();
  }
}
