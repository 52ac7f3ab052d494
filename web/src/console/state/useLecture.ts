import { onMounted, onUnmounted, ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import { api } from '../../shared/api';
import { connectLive, type LiveSocket } from '../../shared/socket';
import { plansApi, type Planned } from '../../shared/plans';
import type { Board, Lecture } from '../../shared/types';
import { merge } from './board';
import { useLoad, type Load } from './useLoad';

/**
 * One lecture and its board, kept fresh: pushed over `/live`, asked for every 5 s while there is no line, and every 30 s anyway,
 * because a county's or a school's own board is not pushed.
 */
const POLL_MS = 5_000;
const SAFETY_MS = 30_000;

export interface LiveLecture {
  readonly lecture: Load<Planned>;
  readonly board: Load<Board>;
  /** Whether changes are pushed. */
  readonly pushed: Ref<boolean>;
  /** When `lecture` was told, by the monotonic clock: running times are counted from there. */
  readonly toldAt: Ref<number>;
  readonly conflict: ShallowRef<string | null>;
  take(lecture: Lecture): void;
  refresh(): Promise<void>;
}

export function useLecture(id: string): LiveLecture {
  const toldAt = ref(performance.now());
  const told = <T>(value: T): T => {
    toldAt.value = performance.now();
    return value;
  };
  const lecture = useLoad(() => plansApi.read(id).then((found) => told(found.value)));
  const board = useLoad(() => api.board(id));
  const pushed = ref(false);
  const conflict = shallowRef<string | null>(null);
  const take = (next: Lecture): void => void (lecture.value.value = told(next as Planned)); // orders and pushes carry the plan as well
  const refresh = async (): Promise<void> => void (await Promise.all([lecture.load(), board.load()]));

  let socket: LiveSocket | null = null;
  let timer = 0;
  let askedAt = 0;

  function listen(): LiveSocket {
    const live = connectLive(() => ({ lecture_id: id }));
    live.on('hello', (message) => {
      pushed.value = true;
      if (message.lecture !== null) take(message.lecture);
      void board.load();
    });
    live.on('lecture', take);
    live.on('board', (message) => {
      if (board.value.value !== null) board.value.value = merge(board.value.value, message.screens);
    });
    live.on('conflict', (message) => (conflict.value = message.screen_id));
    live.on('disconnect', () => (pushed.value = false));
    return live;
  }

  function tick(): void {
    const period = pushed.value ? SAFETY_MS : POLL_MS;
    if (document.visibilityState !== 'visible' || performance.now() - askedAt < period) return;
    askedAt = performance.now();
    void refresh();
  }

  onMounted(() => {
    tick();
    timer = window.setInterval(tick, 1000);
    socket = listen();
  });
  onUnmounted(() => {
    clearInterval(timer);
    socket?.disconnect();
  });
  return { lecture, board, pushed, toldAt, conflict, take, refresh };
}
