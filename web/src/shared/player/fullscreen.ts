/** Full screen, also by its older names: Chrome before 71 and Safari have prefixed ones. */
interface OldDocument extends Document {
  webkitFullscreenElement?: Element | null;
  webkitExitFullscreen?(): void;
}
interface OldElement extends HTMLElement {
  webkitRequestFullscreen?(): void;
}

export const FULL_EVENTS = ['fullscreenchange', 'webkitfullscreenchange'] as const;

export function isFull(root: HTMLElement): boolean {
  const page = document as OldDocument;
  return (page.fullscreenElement ?? page.webkitFullscreenElement ?? null) === root;
}

export async function toggleFull(root: HTMLElement): Promise<void> {
  const [page, old] = [document as OldDocument, root as OldElement];
  try {
    if (isFull(root)) await (page.exitFullscreen?.() ?? page.webkitExitFullscreen?.());
    else if (root.requestFullscreen !== undefined) await root.requestFullscreen();
    else old.webkitRequestFullscreen?.();
  } catch (error) {
    console.warn('full screen is not allowed', error); // a kiosk or an iframe; the picture stays as large as it is
  }
}
