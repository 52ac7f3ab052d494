/** Hides the buttons while nobody needs them; a finger first brings them back before it presses anything. */
export interface IdleOptions {
  frame: HTMLElement;
  afterMs: number;
  /** Whether the buttons have to stay, because somebody is using them or the picture stands. */
  needed(): boolean;
}

const STIRS = ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const;

export class Idle {
  private timer = 0;
  private finger = false;
  private roused = false;

  constructor(private readonly options: IdleOptions) {
    const { frame } = options;
    frame.addEventListener(
      'pointerdown',
      (event) => {
        this.finger = event.pointerType === 'touch';
        this.roused = this.resting;
      },
      true, // before the listener below brings the buttons back
    );
    for (const name of STIRS) frame.addEventListener(name, () => this.wake());
  }

  /** Whether this press of a finger has only brought the buttons back. */
  get onlyRoused(): boolean {
    return this.finger && this.roused;
  }

  wake(): void {
    this.options.frame.classList.remove('jtp-idle');
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.rest(), this.options.afterMs);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private get resting(): boolean {
    return this.options.frame.classList.contains('jtp-idle');
  }

  private rest(): void {
    if (this.options.needed()) this.wake();
    else this.options.frame.classList.add('jtp-idle');
  }
}
