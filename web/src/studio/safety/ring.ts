/** One finished piece of the safety copy: a file that plays by itself. */
export interface Piece<B> {
  startedAt: number;
  seconds: number;
  bytes: number;
  blob: B;
}

/**
 * Keeps the newest pieces within a span and a number of bytes. **Bounded by both; the oldest go first** and the newest is
 * always kept.
 */
export class Ring<B> {
  private kept: Piece<B>[] = [];

  constructor(
    private readonly maxSeconds: number,
    private readonly maxBytes: number,
  ) {}

  get pieces(): readonly Piece<B>[] {
    return this.kept;
  }

  add(piece: Piece<B>): void {
    this.kept = [...this.kept, piece];
    while (this.kept.length > 1 && this.tooMuch()) this.kept = this.kept.slice(1);
  }

  /** The span is kept whole: a piece goes only when those after it are long enough without it. */
  private tooMuch(): boolean {
    const sum = (of: (piece: Piece<B>) => number, pieces: Piece<B>[]): number => pieces.reduce((total, p) => total + of(p), 0);
    return sum((p) => p.seconds, this.kept.slice(1)) >= this.maxSeconds || sum((p) => p.bytes, this.kept) > this.maxBytes;
  }
}
