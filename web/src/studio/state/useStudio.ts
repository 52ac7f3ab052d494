import { computed, ref, watch } from 'vue';
import { api } from '../../shared/api';
import { explain } from '../../shared/i18n/problems';
import type { Lecture, LectureOrder } from '../../shared/types';
import { usePublish } from '../publish/usePublish';
import { useSafetyCopy } from '../safety/useSafetyCopy';
import { rehearsing, t } from '../words';
import { lectureIdOf } from './entry';
import { useEntry } from './useEntry';
import { useLive } from './useLive';
import { useNotices } from './useNotices';
import { useOnAir } from './useOnAir';
import { useSources } from './useSources';
import { useSpace } from './useSpace';
import { problemFrom, useStage } from './useStage';
import { useStart } from './useStart';
import { verdict } from './verdict';

export type Studio = ReturnType<typeof useStudio>;

/** Puts the studio together: who is here, what is sent, where the broadcast stands. */
export function useStudio() {
  const lectureId = lectureIdOf(location.pathname);
  const stage = useStage();
  const notices = useNotices();
  const live = useLive();
  const sources = useSources(live, notices);
  const { picture, sound } = sources;
  const safety = useSafetyCopy();
  const publish = usePublish({
    lectureId,
    video: () => picture.output.value,
    audio: sound,
    bitrate: sources.bitrate,
    verdict: (failure) =>
      verdict(failure, {
        lectureId,
        isMine: (session) => publish.isMine(session),
        take: live.take,
        replaced: () => stage.tell('replaced'),
        loginNeeded: () => stage.tell('login_needed'),
      }),
  });
  const entry = useEntry(lectureId, stage, live);
  const space = useSpace(lectureId, stage);
  const start = useStart(lectureId, stage, live, publish, notices);
  useOnAir(stage.isOnAir, computed(() => `${rehearsing ? `${t('rehearsal.mark')} · ` : ''}${live.lecture.value?.title ?? t('app.name')} · ${t('app.name')}`));

  /** The server's word on the broadcast. */
  function follow(lecture: Lecture): void {
    if (lecture.state === 'ended' || lecture.state === 'archived') finish();
    else if (lecture.state === 'cut') stage.tell('cut');
    else if (stage.phase.value === 'cut') resume();
  }

  function finish(): void {
    stage.tell('ended');
    publish.stop();
    sources.close();
  }

  /** A cut broadcast goes on: by itself where this page was on air, else through the check. */
  let wasOnAir = false;
  function resume(): void {
    if (!wasOnAir || picture.output.value === null) return stage.send('retry');
    stage.send('uncut');
    void publish.again();
  }

  async function order(what: LectureOrder): Promise<void> {
    try {
      live.take(await api.order(lectureId, what));
    } catch (error) {
      const problem = problemFrom(error, 'offline');
      const words = explain(problem.code, t);
      notices.say(`${t('label.reason')} ${words.reason} · ${t('label.next')} ${words.next}`);
      if (problem.status === 409) live.take(await api.lecture(lectureId));
    }
  }

  watch(live.lecture, (lecture) => lecture && follow(lecture));
  watch(stage.isOnAir, (on) => (wasOnAir ||= on));
  watch(stage.phase, (phase) => (phase === 'cut' || phase === 'replaced') && publish.stop());
  watch(publish.state, (state) => {
    if (state === 'up' && stage.phase.value === 'lost') stage.send('connected');
    if (state === 'down') stage.tell('link_lost');
  });
  /** The safety copy runs while on air, and not while the machine has no power left for the broadcast itself. */
  const copying = computed(() => stage.isOnAir.value && publish.quality.value.cause !== 'cpu');
  watch([copying, sound], ([on]) => {
    safety.stop();
    if (on && picture.compositor.value !== null) safety.start(picture.compositor.value.copy(), sound.value);
  });

  return { ...stage, ...sources, ...entry, ...start, soundSkipped: ref(false), notices, live, publish, safety, space, order };
}
