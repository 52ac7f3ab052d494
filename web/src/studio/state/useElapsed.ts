import { computed, onScopeDispose, ref, type ComputedRef } from 'vue';
import type { Live } from './useLive';

/** Seconds on air: the server's count, and while live the time since it was said. Own clocks are never compared. */
export function useElapsed(live: Live): ComputedRef<number> {
  const now = ref(performance.now());
  const timer = setInterval(() => (now.value = performance.now()), 250);
  onScopeDispose(() => clearInterval(timer));
  return computed(() => {
    const lecture = live.lecture.value;
    if (lecture === null) return 0;
    const since = lecture.state === 'live' ? Math.max(0, now.value - live.receivedAt.value) / 1000 : 0;
    return lecture.on_air_seconds + since;
  });
}
