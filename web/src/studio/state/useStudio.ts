import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import { api } from '../../shared/api';
import { Problem } from '../../shared/problem';
import type { Lecture, LectureOrder, User } from '../../shared/types';
import { SCENES, sourcesOf, type SceneId } from '../compositor/layout';
import { useDevices } from '../devices/useDevices';
import { VIDEO_BITRATE } from '../publish/encoding';
import { usePublish } from '../publish/usePublish';
import { useSafetyCopy } from '../safety/useSafetyCopy';
import { SoundMix } from '../sound/mix';
import { useMeter } from '../sound/useMeter';
import { t } from '../words';
import { enter, lectureIdOf } from './entry';
import { goLive } from './goLive';
import { accepts, next, onAir, type Phase, type StudioEvent } from './machine';
import { useLive } from './useLive';
import { useNotices } from './useNotices';
import { useOnAir } from './useOnAir';
import { usePicture } from './usePicture';

export type Studio = ReturnType<typeof useStudio>;

const ASK_AGAIN_MS = 5000;

/** Puts the studio together. The phase moves by the table of `machine.ts` and by nothing else. */
export function useStudio() {
  const lectureId = lectureIdOf(location.pathname);
  const phase = ref<Phase>('entering');
  const user = shallowRef<User | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const soundSkipped = ref(false);
  let wasOnAir = false;
  let askTimer = 0;

  const send = (event: StudioEvent): void => void (phase.value = next(phase.value, event));
  /** For what the server or the network says: it may come at any time, and is ignored where it means nothing. */
  const tell = (event: StudioEvent): void => {
    if (accepts(phase.value, event)) send(event);
  };

  const notices = useNotices();
  const live = useLive();
  const devices = useDevices({
    lost: (kind, now) => notices.say(t(now === null ? `notice.${kind}.none` : `notice.${kind}.lost`, { now: now ?? '' })),
    returned: (kind, label, back) =>
      notices.say(t(`notice.${kind}.returned`, { label }), { label: t('notice.back'), run: back }),
  });
  const words = computed(() => ({
    title: live.lecture.value?.title ?? '',
    lecturer: live.lecture.value?.lecturer.name ?? '',
    break: t('card.break'),
  }));
  const picture = usePicture(devices.camera, words, () => notices.say(t('notice.screen.ended')));

  const mix = new SoundMix();
  const sound = shallowRef<MediaStreamTrack | null>(null);
  watch([devices.microphone, picture.screenSound], ([mic, screen]) => (sound.value = mix.track(mic, screen)));
  const meter = useMeter(sound);

  const bitrate = computed(() =>
    sourcesOf(SCENES[picture.scene.value]).includes('screen') ? VIDEO_BITRATE.screen : VIDEO_BITRATE.camera,
  );
  const publish = usePublish({ lectureId, video: () => picture.output.value, audio: sound, bitrate, verdict });
  const safety = useSafetyCopy();
  const isOnAir = computed(() => onAir(phase.value));
  useOnAir(isOnAir, computed(() => `${live.lecture.value?.title ?? t('app.name')} · ${t('app.name')}`));

  async function begin(): Promise<void> {
    problem.value = null;
    const entry = await enter(lectureId);
    if (entry.kind !== 'in') {
      problem.value = entry.problem;
      return send(entry.kind === 'login' ? 'login_needed' : 'refused');
    }
    user.value = entry.user;
    live.open(entry.lecture);
    send('entered');
    follow(entry.lecture);
  }

  async function login(name: string, password: string): Promise<void> {
    try {
      await api.login(name, password);
    } catch (error) {
      problem.value = error instanceof Problem ? error : null;
      return;
    }
    send('retry');
    await begin();
  }

  async function retry(): Promise<void> {
    send('retry');
    if (phase.value === 'entering') await begin();
  }

  async function prepare(): Promise<void> {
    await devices.prepare();
    if (devices.camera.value !== null) await picture.prepare();
  }

  /** The server's word on the broadcast. */
  function follow(lecture: Lecture): void {
    if (lecture.state === 'ended' || lecture.state === 'archived') finish();
    else if (lecture.state === 'cut') stopFor('cut');
    else if (phase.value === 'cut') resumeAfterCut();
  }

  function stopFor(event: 'cut' | 'replaced'): void {
    tell(event);
    publish.stop();
    safety.stop();
  }

  function finish(): void {
    tell('ended');
    publish.stop();
    safety.stop();
    picture.close();
    devices.close();
  }

  function resumeAfterCut(): void {
    if (!wasOnAir || picture.output.value === null) return send('retry');
    send('uncut');
    void publish.again();
  }

  /** After a lost connection: is there a reason to stay away? */
  async function verdict(failure: Problem | null): Promise<'again' | 'stop'> {
    if (failure?.code === 'publisher_busy') return yieldAir();
    if (failure !== null && (failure.status === 0 || failure.status >= 500)) return 'again';
    try {
      const lecture = await api.lecture(lectureId);
      live.take(lecture);
      const other = lecture.publisher !== null && !publish.isMine(lecture.publisher.session);
      if (failure === null && other) return yieldAir();
      return ['cut', 'ended', 'archived'].includes(lecture.state) ? 'stop' : 'again';
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) return 'again';
      tell('login_needed');
      return 'stop';
    }
  }

  function yieldAir(): 'stop' {
    tell('replaced');
    safety.stop();
    return 'stop';
  }

  async function start(): Promise<void> {
    send('start');
    await attempt();
  }

  async function attempt(): Promise<void> {
    problem.value = null;
    try {
      live.take(await goLive(lectureId, live.lecture.value, publish.start));
      tell('allowed');
      tell('connected');
      wasOnAir = true;
    } catch (error) {
      failed(error instanceof Problem ? error : new Problem(0, 'connection'));
    }
  }

  function failed(failure: Problem): void {
    publish.stop();
    if (failure.code === 'publisher_busy') return waitForAir(failure.fields['refused'] === true);
    problem.value = failure;
    if (failure.status === 401 && failure.code === 'not_logged_in') return tell('login_needed');
    tell(phase.value === 'asking' ? 'give_up' : 'start_failed');
  }

  function waitForAir(refused: boolean): void {
    tell('busy');
    if (refused) return tell('denied');
    clearTimeout(askTimer);
    askTimer = window.setTimeout(askAgain, ASK_AGAIN_MS);
  }

  function askAgain(): void {
    clearTimeout(askTimer);
    if (phase.value === 'asking') void attempt();
  }

  function giveUp(): void {
    clearTimeout(askTimer);
    tell('give_up');
  }

  live.onAnswered = (allowed) => {
    if (allowed) return askAgain();
    if (phase.value === 'asking') notices.say(t('asking.denied'));
    clearTimeout(askTimer);
    tell('denied');
  };

  async function order(what: LectureOrder): Promise<void> {
    try {
      live.take(await api.order(lectureId, what));
    } catch (error) {
      problem.value = error instanceof Problem ? error : new Problem(0, 'offline');
      if (problem.value.status === 409) live.take(await api.lecture(lectureId));
    }
  }

  async function show(scene: SceneId): Promise<void> {
    if (!(await picture.show(scene))) notices.say(t('notice.screen.refused'));
  }

  watch(live.lecture, (lecture) => lecture && phase.value !== 'entering' && follow(lecture));
  watch(publish.state, (state) => {
    if (state === 'up' && phase.value === 'lost') send('connected');
    if (state === 'down') tell('link_lost');
  });
  /** The safety copy runs while on air, and not while the machine has no power left for the broadcast itself. */
  const copying = computed(() => isOnAir.value && publish.quality.value.cause !== 'cpu');
  watch([copying, sound], ([on]) => {
    safety.stop();
    if (on && picture.compositor.value !== null) safety.start(picture.compositor.value.copy(), sound.value);
  });
  onScopeDispose(() => clearTimeout(askTimer));

  const actions = { begin, login, retry, prepare, start, giveUp, order, show, share: picture.share };
  return { phase, user, problem, soundSkipped, isOnAir, notices, live, devices, picture, meter, publish, safety, ...actions };
}
