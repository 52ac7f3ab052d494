import { asScreen, type Who } from './as-screen';
import type { Capability } from './capability';
import type { TrainingCode } from './coverage';
import type { MakeUp } from './make-up';
import { request } from './problem';
import { isRehearsal } from './rehearsal';
import type {
  Board,
  Confirmation,
  Lecture,
  LectureOrder,
  RecorderReport,
  Recording,
  RecordingSpace,
  RecordingWatch,
  ReportAnswer,
  Ticket,
  User,
  Watch,
} from './types';

/** The REST interface under `/api/v1`. Every failure is a `Problem`. */

const ROOT = '/api/v1';

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return request(ROOT + path, init);
}

async function json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  return (await (await call(method, path, body, headers)).json()) as T;
}

const part = encodeURIComponent;
const screenPath = ({ screenId }: Who, tail: string): string => `${ROOT}/screens/${part(screenId)}/${tail}`;
/** Where a lecture is, or a rehearsal, which takes the same orders. */
const broadcast = (id: string): string => `/${isRehearsal(id) ? 'rehearsals' : 'lectures'}/${part(id)}`;

export const api = {
  login: async (login: string, password: string): Promise<User> =>
    (await json<{ user: User }>('POST', '/session', { login, password })).user,
  /** Exchanges the token of a lecturer's link for a login. */
  invitation: async (token: string): Promise<User> =>
    (await json<{ user: User }>('POST', '/session/invitation', { token })).user,
  who: async (): Promise<User> => (await json<{ user: User }>('GET', '/session')).user,
  logout: async (): Promise<void> => void (await call('DELETE', '/session')),

  lectures: async (): Promise<Lecture[]> => (await json<{ items: Lecture[] }>('GET', '/lectures')).items,
  lecture: (id: string): Promise<Lecture> => json('GET', broadcast(id)),
  order: (id: string, order: LectureOrder): Promise<Lecture> => json('POST', `${broadcast(id)}/${order}`),
  /** Starts although there is too little space to record all of it (409 `recording_space` says how much there is). */
  startUnrecorded: (id: string): Promise<Lecture> =>
    json('POST', `/lectures/${part(id)}/start`, { accept_unrecorded: true }),
  recordingSpace: (id: string): Promise<RecordingSpace> => json('GET', `/lectures/${part(id)}/recording-space`),
  ticket: (id: string): Promise<Ticket> => json('POST', `${broadcast(id)}/ticket`),
  board: (id: string): Promise<Board> => json('GET', `/lectures/${part(id)}/board`),
  /** Recordings that the caller may see, newest first: of one lecture, or all. */
  recordings: (lectureId?: string): Promise<Recording[]> =>
    json('GET', lectureId === undefined ? '/recordings' : `/recordings?lecture_id=${part(lectureId)}`),
  recording: (id: string): Promise<Recording> => json('GET', `/recordings/${part(id)}`),
  /** Shows a finished recording to screens (409 `not_ready` before), or hides it again. Both may be repeated. */
  approveRecording: (id: string): Promise<Recording> => json('POST', `/recordings/${part(id)}/approve`),
  withdrawRecording: (id: string): Promise<Recording> => json('POST', `/recordings/${part(id)}/withdraw`),
  watchRecording: (id: string): Promise<RecordingWatch> => json('POST', `/recordings/${part(id)}/watch`),
  recorder: (): Promise<RecorderReport> => json('GET', '/recorder'),

  /** Asks, as a paired screen, what to watch now. */
  watch: async (who: Who, told?: { capability: Capability }): Promise<Watch> =>
    (await (await asScreen(who, 'POST', screenPath(who, 'watch'), told)).json()) as Watch,
  /** The approved recordings of lectures for the screen's class, newest first, at most 100. */
  screenRecordings: async (who: Who): Promise<Recording[]> =>
    (await (await asScreen(who, 'GET', screenPath(who, 'recordings'))).json()) as Recording[],
  watchScreenRecording: async (who: Who, recordingId: string): Promise<RecordingWatch> =>
    (await (await asScreen(who, 'POST', screenPath(who, `recordings/${part(recordingId)}/watch`))).json()) as RecordingWatch,
  makeUp: async (who: Who, recordingId: string): Promise<MakeUp> =>
    (await (await asScreen(who, 'GET', screenPath(who, `recordings/${part(recordingId)}/make-up`))).json()) as MakeUp,
  /** Reports what a screen showed of a minute; the watch token lets it in, the signature makes it believed. */
  report: async (who: Who, token: string, report: unknown, again: boolean): Promise<ReportAnswer> => {
    const headers = { Accept: 'application/json', 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    const body = JSON.stringify({ report, again });
    return (await (await request(screenPath(who, 'reports'), { method: 'POST', headers, body, credentials: 'same-origin' })).json()) as ReportAnswer;
  },
  /** Answers a presence check, once. */
  answerCheck: async (who: Who, challengeId: string, tile: string): Promise<void> =>
    void (await asScreen(who, 'POST', screenPath(who, 'answers'), { challenge_id: challengeId, tile })),
  confirmRoom: async (who: Who, lectureId: string, present: number, guests: number): Promise<Confirmation> =>
    (await (await asScreen(who, 'POST', screenPath(who, 'confirmation'), { lecture_id: lectureId, present, guests })).json()) as Confirmation,
  /** The code by which teachers sign in and out at this screen; 404 when there is none now. */
  trainingCode: async (who: Who): Promise<TrainingCode> => (await (await asScreen(who, 'POST', screenPath(who, 'training-code'))).json()) as TrainingCode,
  /** A picture that a screen's document names, for `URL.createObjectURL`. */
  screenPicture: async (who: Who, url: string): Promise<Blob> => (await asScreen(who, 'GET', url)).blob(),
};
