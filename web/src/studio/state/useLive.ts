import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import { connectLive, type LiveSocket } from '../../shared/socket';
import type { Lecture, Viewers } from '../../shared/types';

export interface Live {
  lecture: ShallowRef<Lecture | null>;
  viewers: ShallowRef<Viewers | null>;
  /** When the lecture document arrived, in ms of the page's monotonic clock: the elapsed time counts on from there. */
  receivedAt: Ref<number>;
  connected: Ref<boolean>;
  restarting: Ref<boolean>;
  takeover: ShallowRef<{ request_id: string; by: string } | null>;
  open(lecture: Lecture): void;
  take(lecture: Lecture): void;
  answer(allow: boolean): void;
  /** Hears whether the person on air let us take over. */
  onAnswered: ((allowed: boolean) => void) | null;
}

/** What the server says about this lecture, as it happens. */
export function useLive(): Live {
  const lecture = shallowRef<Lecture | null>(null);
  const viewers = shallowRef<Viewers | null>(null);
  const [receivedAt, connected, restarting] = [ref(0), ref(false), ref(false)];
  const takeover = shallowRef<{ request_id: string; by: string } | null>(null);
  let socket: LiveSocket | null = null;

  function take(document: Lecture): void {
    lecture.value = document;
    receivedAt.value = performance.now();
  }

  function listen(to: LiveSocket): void {
    to.on('connect', () => (connected.value = true));
    to.on('disconnect', () => (connected.value = false));
    to.on('hello', (message) => {
      restarting.value = false;
      if (message.lecture !== null) take(message.lecture);
    });
    to.on('lecture', take);
    to.on('viewers', (message) => (viewers.value = message));
    to.on('restarting', () => (restarting.value = true));
    to.on('takeover_requested', (message) => (takeover.value = message));
    to.on('takeover_answered', ({ allowed }) => live.onAnswered?.(allowed));
  }

  const live: Live = {
    lecture,
    viewers,
    receivedAt,
    connected,
    restarting,
    takeover,
    onAnswered: null,
    take,
    open(document) {
      take(document);
      if (socket !== null) return;
      socket = connectLive(() => ({ lecture_id: document.id }));
      listen(socket);
    },
    answer(allow) {
      if (takeover.value !== null) socket?.emit('takeover_answer', { request_id: takeover.value.request_id, allow });
      takeover.value = null;
    },
  };
  onScopeDispose(() => socket?.close());
  return live;
}
