import { onMounted, onUnmounted } from 'vue';

/** Does it at once and then every `periodMs` while the page is looked at and `wanted` says so. */
export function useRepeat(act: () => void, periodMs: number, wanted: () => boolean = () => true): void {
  let timer = 0;
  onMounted(() => {
    act();
    timer = window.setInterval(() => {
      if (document.visibilityState === 'visible' && wanted()) act();
    }, periodMs);
  });
  onUnmounted(() => clearInterval(timer));
}
