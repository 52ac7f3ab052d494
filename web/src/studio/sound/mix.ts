/**
 * The sound that is sent. Normally the microphone's own track, which is the shortest way; while a shared screen has sound, a mix
 * of both. Muting the microphone leaves the screen's sound audible.
 */
export class SoundMix {
  private context: AudioContext | null = null;

  /** Returns the track to send for these two. */
  track(microphone: MediaStreamTrack | null, screen: MediaStreamTrack | null): MediaStreamTrack | null {
    this.close();
    if (screen === null) return microphone;
    this.context = new AudioContext({ latencyHint: 'interactive' });
    const destination = this.context.createMediaStreamDestination();
    destination.channelCount = 1;
    for (const source of [microphone, screen]) {
      if (source !== null) this.context.createMediaStreamSource(new MediaStream([source])).connect(destination);
    }
    return destination.stream.getAudioTracks()[0] ?? microphone;
  }

  close(): void {
    this.context?.close().catch(() => undefined);
    this.context = null;
  }
}
