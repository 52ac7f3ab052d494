import { onScopeDispose, watch, type Ref } from 'vue';

/** What being on air does to the page: the tab says so, leaving asks, the machine stays awake. */
export function useOnAir(onAir: Ref<boolean>, title: Ref<string>): void {
  let lock: WakeLockSentinel | null = null;

  async function keepAwake(): Promise<void> {
    const wakeLock = (navigator as Partial<Navigator>).wakeLock;
    if (!onAir.value || document.visibilityState !== 'visible' || wakeLock === undefined) return;
    lock = await wakeLock.request('screen').catch(() => null); // refused on low battery: nothing depends on it
  }

  const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
  const seen = (): void => void keepAwake();

  watch(onAir, (on) => {
    if (on) {
      addEventListener('beforeunload', ask);
      document.addEventListener('visibilitychange', seen);
      void keepAwake();
    } else release();
  });
  watch([onAir, title], ([on, text]) => (document.title = on ? `● ${text}` : text), { immediate: true });

  function release(): void {
    removeEventListener('beforeunload', ask);
    document.removeEventListener('visibilitychange', seen);
    void lock?.release();
    lock = null;
  }
  onScopeDispose(release);
}
