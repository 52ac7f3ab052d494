import { element, icon, write } from './dom';
import { position } from './time';
import type { Say, Trouble } from './words';

/** What lies over the picture: the way back to where somebody stopped, and what went wrong. */

function button(text: string, testid: string, kind: string, press: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', class: `jtp-press ${kind}`, 'data-testid': testid }, text);
  made.addEventListener('click', press);
  return made;
}

/** “从 12:05 继续 / 从头看”. */
export class ResumeCard {
  readonly root = element('div', { class: 'jtp-card', role: 'group', 'data-testid': 'player-resume' });

  constructor(private readonly say: Say) {
    this.root.hidden = true;
  }

  ask(at: number, go: () => void, restart: () => void): void {
    const { say } = this;
    const where = { at: position(at) };
    const title = element('p', { class: 'jtp-card-title' }, say('resume.title', where));
    const yes = button(say('resume.go', where), 'player-resume-go', 'jtp-main', go);
    const row = element('div', { class: 'jtp-choices' }, yes, button(say('resume.start'), 'player-resume-start', '', restart));
    this.root.setAttribute('aria-label', say('resume.title', where));
    this.root.textContent = '';
    this.root.append(title, row);
    this.root.hidden = false;
    yes.focus();
  }

  hide(): void {
    this.root.hidden = true;
  }
}

export class TroubleCard {
  readonly root: HTMLElement;
  private readonly reason = element('dd');
  private readonly next = element('dd');

  constructor(
    private readonly say: Say,
    retry: () => void,
  ) {
    const list = element(
      'dl',
      {},
      element('dt', {}, say('trouble.reason')),
      this.reason,
      element('dt', {}, say('trouble.next')),
      this.next,
    );
    const again = button(say('trouble.retry'), 'player-retry', 'jtp-main', retry);
    this.root = element('div', { class: 'jtp-card', role: 'alert', 'data-testid': 'player-trouble' }, icon('alert'), list, again);
    this.root.hidden = true;
  }

  show(trouble: Trouble | null): void {
    this.root.hidden = trouble === null;
    write(this.reason, trouble === null ? '' : this.say(`${trouble}.reason`));
    write(this.next, trouble === null ? '' : this.say(`${trouble}.next`));
  }
}
