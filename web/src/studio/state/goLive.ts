import { api } from '../../shared/api';
import { Problem } from '../../shared/problem';
import type { Lecture } from '../../shared/types';

/** Opens the lecture when it is not, publishes, and starts the broadcast when it did not start by itself. */
export async function goLive(id: string, known: Lecture | null, publish: () => Promise<void>): Promise<Lecture> {
  if (known?.state === 'scheduled') await api.order(id, 'open');
  await publish();
  const lecture = await api.lecture(id);
  return lecture.state === 'open' ? started(id) : lecture;
}

async function started(id: string): Promise<Lecture> {
  try {
    return await api.order(id, 'start');
  } catch (error) {
    // A lecture with autostart may have begun between the question and the order.
    if (error instanceof Problem && error.code === 'illegal_transition') return api.lecture(id);
    throw error;
  }
}
