import { onMounted, onUnmounted, ref, type Ref } from 'vue';
import { connectLive, type LiveSocket } from '../../shared/socket';
import { wallApi, type WallChange, type WallDocument } from '../../shared/wall';
import { useLoad, type Load } from './useLoad';
import { apply } from './wall';

/**
 * The board of evidence of a lecture, kept fresh: whole by GET after the line is up, then changed by what is pushed; asked for every 5 s
 * while there is no line, and every minute anyway. What is pushed while a GET is under way is put in when it is there.
 */
const POLL_MS = 5_000;
const SAFETY_MS = 60_000;

export interface LiveWall {
  readonly board: Load<WallDocument>;
  readonly pushed: Ref<boolean>;
  /** When the board was last known to be true, by the monotonic clock. */
  readonly toldAt: Ref<number>;
}

export function useWall(id: string): LiveWall {
  const pushed = ref(false);
  const toldAt = ref(performance.now());
  let meanwhile: WallChange[] = [];
  const board = useLoad(async () => {
    meanwhile = [];
    const whole = await wallApi.board(id);
    toldAt.value = performance.now();
    return meanwhile.reduce(apply, whole);
  });
  let socket: LiveSocket | null = null;
  let timer = 0;
  let askedAt = performance.now();

  function load(): void {
    askedAt = performance.now();
    void board.load();
  }

  function take(change: WallChange): void {
    if (board.busy.value) meanwhile.push(change);
    if (board.value.value !== null) board.value.value = apply(board.value.value, change);
    toldAt.value = performance.now();
  }

  function tick(): void {
    const period = pushed.value ? SAFETY_MS : POLL_MS;
    if (document.visibilityState === 'visible' && performance.now() - askedAt >= period) load();
  }

  onMounted(() => {
    load();
    timer = window.setInterval(tick, 1000);
    socket = connectLive(() => ({ lecture_id: id }));
    socket.on('hello', () => {
      pushed.value = true;
      load();
    });
    socket.on('evidence', take);
    socket.on('lecture', load); // another state of the lecture changes what is missing
    socket.on('disconnect', () => (pushed.value = false));
  });
  onUnmounted(() => {
    clearInterval(timer);
    socket?.disconnect();
  });
  return { board, pushed, toldAt };
}
