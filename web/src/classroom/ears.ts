import type { ScreenEvent } from './model';

/** What the browser itself has to say, as events of the machine. */
type Tell = (event: ScreenEvent) => void;

export function hearBrowser(tell: Tell, leave: () => void): void {
  const nudge = (): void => {
    if (document.visibilityState === 'visible') tell({ type: 'nudge' });
  };
  window.addEventListener('online', nudge);
  document.addEventListener('visibilitychange', nudge);
  window.addEventListener('hashchange', () => tell({ type: 'touch' }));
  window.addEventListener('pagehide', leave);
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    tell({ type: 'closed' });
    tell({ type: 'backup-lost', gone: false });
  });
}

/** The first frame is told at once; after that the counters are read once a second. */
export function hearFrames(video: HTMLVideoElement, wanted: () => boolean, tell: Tell): void {
  const moved = (): void => {
    if (wanted() && video.videoWidth > 0) tell({ type: 'picture' });
  };
  if (typeof video.requestVideoFrameCallback !== 'function') {
    video.addEventListener('timeupdate', moved);
    return;
  }
  const onFrame = (): void => {
    moved();
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}
