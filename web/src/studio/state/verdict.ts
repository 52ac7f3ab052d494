import { api } from '../../shared/api';
import type { Problem } from '../../shared/problem';
import { problemFrom } from './useStage';
import type { Lecture } from '../../shared/types';

export interface VerdictDeps {
  lectureId: string;
  isMine(session: string): boolean;
  take(lecture: Lecture): void;
  /** Somebody else has the air. */
  replaced(): void;
  loginNeeded(): void;
}

const OVER = ['cut', 'ended', 'archived'];

/**
 * After a lost connection: is there a reason to stay away? `failure` is what the last attempt met, null when the server closed a
 * session that stood. Anything that time may heal is tried again.
 */
export async function verdict(failure: Problem | null, deps: VerdictDeps): Promise<'again' | 'stop'> {
  if (failure?.code === 'publisher_busy') return yielded(deps);
  if (failure !== null && (failure.status === 0 || failure.status >= 500)) return 'again';
  try {
    const lecture = await api.lecture(deps.lectureId);
    deps.take(lecture);
    const other = lecture.publisher !== null && !deps.isMine(lecture.publisher.session);
    if (failure === null && other) return yielded(deps);
    return OVER.includes(lecture.state) ? 'stop' : 'again';
  } catch (error) {
    if (problemFrom(error, 'offline').status !== 401) return 'again';
    deps.loginNeeded();
    return 'stop';
  }
}

function yielded(deps: VerdictDeps): 'stop' {
  deps.replaced();
  return 'stop';
}
