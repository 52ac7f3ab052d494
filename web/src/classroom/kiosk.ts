/** Full screen and a screen that stays awake: where the browser has them, and without a word where it has not. */

type OldElement = HTMLElement & { webkitRequestFullscreen?: () => void };
type OldDocument = Document & { webkitFullscreenElement?: Element | null };

export function isFullScreen(): boolean {
  const old = document as OldDocument;
  return (document.fullscreenElement ?? old.webkitFullscreenElement ?? null) !== null || window.innerHeight >= screen.height;
}

/** Must be called within a touch. */
export function enterFullScreen(): void {
  const root = document.documentElement as OldElement;
  if (isFullScreen()) return;
  if (typeof root.requestFullscreen === 'function') {
    root.requestFullscreen().catch(() => undefined); // refused by policy: the page works in a window too
  } else if (root.webkitRequestFullscreen !== undefined) {
    root.webkitRequestFullscreen();
  }
}

/** Keeps the screen awake for as long as the page is visible; the browser gives the lock back whenever it is hidden. */
export function stayAwake(): void {
  const request = (): void => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    navigator.wakeLock.request('screen').catch(() => undefined); // low battery, or not a secure origin
  };
  document.addEventListener('visibilitychange', request);
  request();
}
