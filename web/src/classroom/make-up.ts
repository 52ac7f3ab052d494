import { told, type Course } from '../shared/player/course';
import type { MakeUp } from '../shared/make-up';

/** Whether a recording makes up for a lecture that the class missed, and how far it has come; asked again while it plays. */

const AGAIN_MS = 30_000;

/** What the server says as the course of a player; null when the class has nothing to make up. */
export function courseOf({ due, done, unseen_s: unseen, seen_minutes: seen, needed_minutes: needed, speed }: MakeUp): Course | null {
  if (!due && !done) return null;
  return { farthestS: done || unseen === null ? Number.MAX_VALUE : unseen, maxRate: speed, seen, needed, done };
}

/** Follows the server's word while somebody watches. */
export class MakingUp {
  private timer = 0;

  constructor(
    private readonly ask: () => Promise<MakeUp>,
    private readonly tell: (change: (before: Course) => Course) => void,
  ) {}

  /** The course to begin with; a recording plays without one when the server does not say. */
  async begin(): Promise<Course | null> {
    const course = await this.look();
    if (course !== null && !course.done) this.timer = window.setInterval(() => void this.again(), AGAIN_MS);
    return course;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async again(): Promise<void> {
    const now = await this.look();
    if (now === null) return;
    if (now.done) this.stop();
    this.tell((before) => told(before, now));
  }

  private async look(): Promise<Course | null> {
    try {
      return courseOf(await this.ask());
    } catch (error) {
      console.warn('the server does not say what there is to make up', error);
      return null;
    }
  }
}
