import { api } from '../../shared/api';
import { Problem } from '../../shared/problem';
import type { Lecture } from '../../shared/types';

/**
 * Opens the lecture when it is not, publishes, and starts the broadcast, except where its first packet does that (autostart).
 * `unrecorded`: also when there is too little space to record all of it.
 */
export async function goLive(
  id: string,
  known: Lecture | null,
  publish: () => Promise<void>,
  unrecorded = false,
): Promise<Lecture> {
  if (known?.state === 'scheduled') await api.order(id, 'open');
  await publish();
  const lecture = await api.lecture(id);
  return lecture.state === 'open' && !lecture.autostart ? started(id, unrecorded) : lecture;
}

async function started(id: string, unrecorded: boolean): Promise<Lecture> {
  try {
    return await (unrecorded ? api.startUnrecorded(id) : api.order(id, 'start'));
  } catch (error) {
    // Somebody else may have started it between the question and the order.
    if (error instanceof Problem && error.code === 'illegal_transition') return api.lecture(id);
    throw error;
  }
}
