import type { SoundState } from '../shared/types';

/**
 * The sound of the one picture that is seen; what plays behind it is mute. **Never silently muted**: when the browser forbids sound
 * the picture plays without it, the state says `blocked`, and the first touch anywhere turns it on.
 */
export class Sound {
  private current: SoundState = 'on';
  private held = false;

  constructor(
    private video: HTMLVideoElement,
    behind: HTMLVideoElement,
    private readonly changed: () => void,
  ) {
    behind.muted = true;
    for (const element of [video, behind]) element.addEventListener('volumechange', () => this.notice(element));
  }

  get state(): SoundState {
    return this.current;
  }

  /** Moves the sound to another picture; the first one goes on without. */
  use(video: HTMLVideoElement): void {
    if (video === this.video) return;
    const before = this.video;
    this.video = video;
    before.muted = true;
    if (has(video)) void this.play();
  }

  /** Keeps the live picture quiet while a recording is watched over it; its state is not that of the loudspeakers then. */
  hold(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    this.video.muted = held || this.current !== 'on';
  }

  /** Starts the picture, with sound if the browser allows it. */
  async play(): Promise<void> {
    const { video } = this;
    video.muted = this.held || this.current === 'muted';
    try {
      await video.play();
      if (!video.muted && video === this.video) this.become('on');
    } catch (error) {
      if ((error as DOMException).name === 'NotAllowedError' && video === this.video) this.playMuted();
      // AbortError: newer tracks replaced these, and their own play() is under way.
    }
  }

  /** Within a touch: what the browser forbade is allowed from now on. */
  unlock(): void {
    if (this.held || (this.current === 'on' && !this.video.muted)) return;
    this.become('on');
    if (has(this.video)) void this.play();
    else this.video.muted = false;
  }

  toggle(): void {
    if (this.current !== 'on') {
      this.unlock();
      return;
    }
    this.video.muted = true;
    this.become('muted');
  }

  private playMuted(): void {
    this.video.muted = true;
    this.become('blocked');
    this.video.play().catch((error: unknown) => console.warn('picture does not start', error));
  }

  /** Somebody else (a browser menu, a volume key) took the sound away or gave it back. */
  private notice(element: HTMLVideoElement): void {
    if (element !== this.video || this.held) return;
    const silent = this.video.muted || this.video.volume === 0;
    if (silent && this.current === 'on') this.become('muted');
    if (!silent && this.current === 'muted') this.become('on');
  }

  private become(state: SoundState): void {
    if (state === this.current) return;
    this.current = state;
    this.changed();
  }
}

function has(video: HTMLVideoElement): boolean {
  return video.srcObject !== null || video.hasAttribute('src');
}

/** Two soft notes, so that a teacher hears that the loudspeakers work before the lecture starts. */
export function chime(): void {
  if (typeof AudioContext === 'undefined') return;
  const context = new AudioContext();
  [523.25, 783.99].forEach((frequency, i) => {
    const [tone, gain] = [context.createOscillator(), context.createGain()];
    const at = context.currentTime + i * 0.18;
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.2, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.5);
  });
  setTimeout(() => void context.close(), 1500);
}
