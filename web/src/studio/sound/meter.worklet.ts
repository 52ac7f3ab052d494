/// <reference lib="webworker" />
import { Accumulator } from './accumulator';

/** Runs on the audio thread: sums what passes and posts it twenty times a second. */

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Meter extends AudioWorkletProcessor {
  private readonly accumulator = new Accumulator(sampleRate / 20);

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    const measured = samples === undefined ? null : this.accumulator.add(samples);
    if (measured !== null) this.port.postMessage(measured);
    return true;
  }
}

registerProcessor('jiangtang-meter', Meter);
