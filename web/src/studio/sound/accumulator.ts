export interface Measured {
  sumOfSquares: number;
  samples: number;
  peak: number;
}

/** Adds up blocks of samples until `size` of them have passed. */
export class Accumulator {
  private sum = 0;
  private peak = 0;
  private count = 0;

  constructor(private readonly size: number) {}

  /** Returns the measure when it is complete, else null. */
  add(block: Float32Array): Measured | null {
    for (const sample of block) {
      this.sum += sample * sample;
      this.peak = Math.max(this.peak, Math.abs(sample));
    }
    this.count += block.length;
    return this.count < this.size ? null : this.take();
  }

  private take(): Measured {
    const measured = { sumOfSquares: this.sum, samples: this.count, peak: this.peak };
    this.sum = this.peak = this.count = 0;
    return measured;
  }
}
