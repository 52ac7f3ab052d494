import { api } from '../shared/api';
import type { Who } from '../shared/as-screen';
import type { Locale } from '../shared/i18n/core';
import { Problem } from '../shared/problem';
import type { Watch } from '../shared/types';
import { element, write } from './dom';
import { WORDS } from './words';

/** The code by which teachers sign in and out, in a corner of their training's picture; it renews itself, and nobody has to use it. */

const NONE_MS = 20_000;
const LATE_MS = 200;

export class SignCode {
  readonly root = element('aside', { id: 'sign-code', 'data-testid': 'sign-code' });
  private readonly picture = element('img', { alt: '' });
  private readonly text = element('p');
  private wanted = false;
  private asking = false;
  private nextAt = 0;

  constructor(
    private readonly locale: Locale,
    private readonly who: () => Who | null,
  ) {
    this.root.append(this.picture, this.text);
    this.root.hidden = true;
  }

  told(watch: Watch): void {
    this.wanted = watch.lecture !== null && watch.lecture.audience === 'teachers';
    if (!this.wanted) this.root.hidden = true;
  }

  /** Called every second. */
  async tick(now: number): Promise<void> {
    const who = this.who();
    if (!this.wanted || this.asking || who === null || now < this.nextAt) return;
    this.asking = true;
    try {
      const code = await api.trainingCode(who);
      this.picture.src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
      write(this.text, WORDS[this.locale][code.way === 'in' ? 'sign.in' : 'sign.out']);
      this.root.hidden = !this.wanted;
      this.nextAt = performance.now() + code.seconds * 1000 + LATE_MS;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.root.hidden = true; // one that is older than half a minute is worth nothing
      this.nextAt = performance.now() + NONE_MS;
    } finally {
      this.asking = false;
    }
  }
}
