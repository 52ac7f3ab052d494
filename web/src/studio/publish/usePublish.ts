import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { api } from '../../shared/api';
import type { Problem } from '../../shared/problem';
import { publishWhip, type WhipSession } from '../../shared/whip';
import { limit, limitAll, sendingPeer, withStartBitrate } from './encoding';
import { connected, Link, type LinkState } from './link';
import { judge, SILENT_SECONDS, UNKNOWN, type Quality, type Sample } from './quality';
import { Reader } from './stats';

export interface Publish {
  state: Ref<LinkState>;
  quality: ShallowRef<Quality>;
  sample: ShallowRef<Sample | null>;
  start(): Promise<void>;
  /** Goes on air again after `stop`, trying for ever. */
  again(): Promise<void>;
  stop(): void;
  /** Whether a publisher's short session id in the server's documents is one of ours. */
  isMine(short: string): boolean;
}

export interface PublishDeps {
  lectureId: string;
  video: () => MediaStreamTrack | null;
  audio: Ref<MediaStreamTrack | null>;
  bitrate: Ref<number>;
  verdict: (problem: Problem | null) => Promise<'again' | 'stop'>;
}

const CONNECT_MS = 10_000;
const LOOK_MS = 1000;

async function open(deps: PublishDeps): Promise<WhipSession> {
  const video = deps.video();
  if (video === null) throw new Error('nothing to publish');
  const { ticket, whip_url } = await api.ticket(deps.lectureId);
  const pc = sendingPeer(video, deps.audio.value);
  try {
    const session = await publishWhip(pc, { url: sameOrigin(whip_url), token: ticket, prepare: withStartBitrate });
    await limitAll(pc, deps.bitrate.value);
    await connected(pc, CONNECT_MS);
    return session;
  } catch (error) {
    pc.close();
    throw error;
  }
}

/** The server may name itself by its public URL; the page talks to where it came from. */
function sameOrigin(url: string): string {
  const parsed = new URL(url, location.href);
  return parsed.pathname + parsed.search;
}

/** Publishes the composed picture and the sound, watches how well they get through, and comes back by itself. */
export function usePublish(deps: PublishDeps): Publish {
  const state = ref<LinkState>('idle');
  const quality = shallowRef<Quality>(UNKNOWN);
  const sample = shallowRef<Sample | null>(null);
  let reader: Reader | null = null;
  let measured: WhipSession | null = null;

  const link = new Link({
    open: () => open(deps),
    verdict: deps.verdict,
    changed: (value) => (state.value = value),
    wait: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
    random: Math.random,
  });

  async function look(): Promise<void> {
    const session = link.current;
    if (session === null) return forget();
    const now = performance.now() / 1000;
    if (measured !== session) [measured, reader] = [session, new Reader()];
    const stats = (await session.pc.getStats()) as unknown as ReadonlyMap<string, never>;
    if (link.current !== session || reader === null) return;
    sample.value = reader.read(stats.values(), deps.bitrate.value, now);
    quality.value = judge(quality.value, sample.value);
    if (state.value === 'up' && sample.value.reportAge > SILENT_SECONDS) void link.recover();
  }

  function forget(): void {
    sample.value = null;
    quality.value = UNKNOWN;
  }

  async function replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    const sender = link.current?.pc.getTransceivers().find((t) => t.receiver.track.kind === 'audio')?.sender;
    await sender?.replaceTrack(track);
  }

  async function applyBitrate(bitrate: number): Promise<void> {
    const sender = link.current?.pc.getSenders().find((s) => s.track?.kind === 'video');
    if (sender) await limit(sender, bitrate);
  }

  const timer = setInterval(() => void look(), LOOK_MS);
  const online = (): void => link.nudge();
  addEventListener('online', online);
  watch(deps.audio, (track) => void replaceAudio(track));
  watch(deps.bitrate, (bitrate) => void applyBitrate(bitrate));
  onScopeDispose(() => {
    clearInterval(timer);
    removeEventListener('online', online);
    link.stop();
  });

  return {
    state,
    quality,
    sample,
    start: () => link.start(),
    again: () => link.again(),
    stop: () => link.stop(),
    isMine: (short) => [...link.mine].some((id) => id.startsWith(short)),
  };
}
