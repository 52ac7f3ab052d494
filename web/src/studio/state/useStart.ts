import { onScopeDispose } from 'vue';
import type { Problem } from '../../shared/problem';
import type { Publish } from '../publish/usePublish';
import { t } from '../words';
import { goLive } from './goLive';
import type { Live } from './useLive';
import type { Notices } from './useNotices';
import { problemFrom, type Stage } from './useStage';

const ASK_AGAIN_MS = 5000;

export interface Start {
  start(): Promise<void>;
  /** Starts although the recording will not be whole. */
  startUnrecorded(): Promise<void>;
  /** Stops waiting for the person who is on air. */
  giveUp(): void;
}

/**
 * Going on air, and asking the person who is there to hand over. The server asks them when we try; we try again when they have
 * answered, and every few seconds in case their answer did not reach us.
 */
export function useStart(lectureId: string, stage: Stage, live: Live, publish: Publish, notices: Notices): Start {
  let timer = 0;
  let unrecorded = false;

  async function attempt(): Promise<void> {
    stage.problem.value = null;
    try {
      live.take(await goLive(lectureId, live.lecture.value, publish.start, unrecorded));
      stage.tell('allowed');
      stage.tell('connected');
    } catch (error) {
      failed(problemFrom(error, 'connection'));
    }
  }

  function failed(failure: Problem): void {
    publish.stop();
    if (failure.code === 'publisher_busy') return wait(failure.fields['refused'] === true);
    stage.problem.value = failure;
    if (failure.code === 'not_logged_in') return stage.tell('login_needed');
    stage.tell(stage.phase.value === 'asking' ? 'give_up' : 'start_failed');
  }

  function wait(refused: boolean): void {
    stage.tell('busy');
    clearTimeout(timer);
    if (refused) answered(false);
    else timer = window.setTimeout(again, ASK_AGAIN_MS);
  }

  function again(): void {
    clearTimeout(timer);
    if (stage.phase.value === 'asking') void attempt();
  }

  function answered(allowed: boolean): void {
    if (allowed) return again();
    clearTimeout(timer);
    if (stage.phase.value === 'asking') notices.say(t('asking.denied'));
    stage.tell('denied');
  }

  async function begin(accepted: boolean): Promise<void> {
    unrecorded = accepted;
    stage.send('start');
    await attempt();
  }

  live.onAnswered = answered;
  onScopeDispose(() => clearTimeout(timer));
  return {
    start: () => begin(false),
    startUnrecorded: () => begin(true),
    giveUp() {
      clearTimeout(timer);
      stage.tell('give_up');
    },
  };
}
