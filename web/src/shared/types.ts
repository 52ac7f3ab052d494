import type { WallChange } from './wall';
/** Documents of the REST interface and of the `/live` messages, as the server sends them. Times are ISO 8601 in UTC. */

export type BroadcastState = 'scheduled' | 'open' | 'live' | 'paused' | 'cut' | 'ended' | 'archived';
export type LectureOrder = 'open' | 'start' | 'pause' | 'resume' | 'end' | 'cut';
export type Role = 'prefecture_admin' | 'operator' | 'county_admin' | 'school_admin' | 'lecturer' | 'reviewer' | 'auditor';

/** What a role may do at its node (`signaling/auth/identity.py`). */
export type Permission =
  | `lecture.${'read' | 'edit' | 'review' | 'control' | 'publish' | 'cut'}`
  | `expert.${'read' | 'edit' | 'rate'}`
  | `alert.${'read' | 'answer'}`
  | `directory.${'read' | 'edit' | 'import' | 'export'}`
  | `term.${'edit' | 'close' | 'reopen'}`
  | `correction.${'request' | 'decide'}` | 'fault.edit'
  | `teacher.${'read' | 'edit'}`
  | `screen.${'read' | 'pair'}`
  | `person.${'read' | 'edit'}`
  | `recording.${'read' | 'review'}`
  | `attendance.${'read' | 'export' | 'confirm'}`
  | 'home.link' | 'duty.edit' | 'channel.edit' | 'board.read' | 'audit.read' | 'recorder.read';

export interface User {
  id: string;
  name: string;
  role: Role;
  node: string;
  permissions: readonly Permission[];
}

export interface Publisher {
  session: string;
  since: string;
  bitrate_bps: number;
  /** Share of packets lost on the way up, 0 to 1. */
  loss: number;
  rtt_ms: number | null;
}

export interface Lecture {
  id: string;
  title: string;
  topic: string;
  lecturer: { id: string; name: string };
  scheduled_at: string;
  minutes: number;
  autostart: boolean;
  approved: boolean;
  state: BroadcastState;
  broadcast_id: string | null;
  started_at: string | null;
  ended_at: string | null;
  on_air_seconds: number;
  viewers: number;
  publisher: Publisher | null;
  targets: { classes: number; schools: number; pupils: number };
  watching: { classes: number; schools: number };
  boot_id: string;
  /** Of a rehearsal: the lecture. */
  rehearsal_of?: string;
}

export interface Ticket {
  ticket: string;
  expires_in: number;
  whip_url: string;
}

export type ScreenState = 'none' | 'connected' | 'receiving' | 'lost';

export interface ScreenHints {
  playing?: boolean;
  sound?: SoundState;
  visible?: boolean;
  frames?: number;
  freezes?: number;
  path?: string;
}

export interface BoardScreen {
  id: string;
  terminal_no: number | string;
  state: ScreenState;
  kbps: number | null;
  loss: number | null;
  rtt_ms: number | null;
  since: string | null;
  last_seen_at: string | null;
  path: string | null;
  hints: ScreenHints | null;
}

export interface BoardClass {
  id: string;
  name: string;
  screens: BoardScreen[];
}

export interface BoardSchool {
  code: string;
  name: string;
  classes: BoardClass[];
}

export interface BoardCounty {
  code: string;
  name: string;
  schools: number;
  classes: number;
  watching: number;
  schools_items: BoardSchool[];
}

export interface Board {
  updated_at: string;
  totals: { classes: number; watching: number; schools: number; schools_watching: number };
  counties: BoardCounty[];
}

export interface Watch {
  lecture_id: string | null;
  state: BroadcastState;
  whep_url: string | null;
  hls_url: string | null;
  token: string | null;
  expires_in: number;
  boot_id: string;
  server_time: string;
  screen: { id: string; terminal_no: number | string; class: string; school: string; county: string };
  lecture: { title: string; lecturer: string; scheduled_at: string; audience?: string } | null;
  retry_after: number;
  reporting?: Reporting | null;
  confirmation?: Confirmation | null;
}

/** The server's clock for a screen: the minute (Unix seconds / 60) that runs, when it ends, when to report. */
export interface ReportTimes {
  minute: number;
  minute_ends_in_s: number;
  next_in_s: number;
  /** What the process `boot_id` accepted of minutes before this one is written down. */
  durable_until: number;
  boot_id: string;
}

/** The nonce of the next report and its number. */
export interface NextReport {
  nonce: string;
  counter: number;
}

export interface Reporting extends ReportTimes, NextReport {
  broadcast_id: string;
  /** Whether this screen's key must sign. */
  signed: boolean;
}

export interface ReportAnswer extends ReportTimes, NextReport {
  accepted_ms: number;
  repeated: boolean;
  challenge: Challenge | null;
  confirmation: Confirmation | null;
}

/** A presence check; times are seconds from when it was told. */
export interface Challenge {
  challenge_id: string;
  text: Readonly<Record<string, string>>;
  tiles: readonly string[];
  begins_in_s: number;
  ends_in_s: number;
}

/** The head-count that this screen offers; `present` is null until one was confirmed. */
export interface Confirmation {
  lecture_id: string;
  title: string;
  /** Of parents households are counted. */
  audience: 'pupils' | 'teachers' | 'parents';
  expected: number;
  opens_in_s: number;
  closes_in_s: number | null;
  present: number | null;
  guests: number | null;
}

export type RecordingState = 'recording' | 'degraded' | 'finalising' | 'ready' | 'failed';

/** Screens see a recording only while it is `approved`. */
export type ReviewState = 'pending' | 'approved' | 'withdrawn';

/** `local`: on this server's disk alone; `uploading`: a copy is on its way; `stored`: the object store has it. */
export type RecordingStorage = 'local' | 'uploading' | 'stored';

/** What begins here: the lecture, or the part after a pause or cut, after the lecturer's return, after the disk was full. */
export interface Chapter {
  start_s: number;
  kind: 'start' | 'resume' | 'return' | 'recovered';
}

/** A stretch of the lecture that is not in the recording: it is missing at `at_s` of the finished file and took `seconds`. */
export interface Gap {
  at_s: number;
  seconds: number;
  /** Codes: cut, paused, disk_full, source_lost, restarted. */
  reason: string;
}

/** Figures and pictures are null (lists are empty) until `state` is `ready`. */
export interface Recording {
  id: string;
  lecture_id: string;
  title: string;
  state: RecordingState;
  review: ReviewState;
  reviewed_at: string | null;
  started_at: string;
  ended_at: string | null;
  duration_s: number | null;
  bytes: number | null;
  sha256: string | null;
  width: number | null;
  height: number | null;
  chapters: Chapter[];
  gaps: Gap[];
  /** Codes: disk_full, packets_lost, torn_end, reel_unreadable, no_picture, no_media, ... */
  problems: string[];
  storage: RecordingStorage;
  mp4_url: string | null;
  /** Multivariant playlist of this recording; asks for the cookie or the token of a `watch` call. */
  hls_url: string | null;
  /** In a person's document an address for `<img>`; in a screen's one, to be fetched with the device token. */
  thumbnail_url: string | null;
  /** Pictures of the preview and their WebVTT; they ask for the cookie or token of a `watch` call, like `hls_url`. */
  sprite_url: string | null;
  thumbs_url: string | null;
}

/** The right to watch one recording. The answer also sets the HttpOnly cookie of `/hls/{lecture_id}/`. */
export interface RecordingWatch {
  recording_id: string;
  lecture_id: string;
  /** Play this address as it is: while `live` it ends in `?rewind=1` and reaches back to the first second. */
  hls_url: string;
  token: string;
  expires_in: number;
  /** Whether the recording is still growing. */
  live: boolean;
}

/** The recorder and its disk. `low`: warn; `full`: recordings pause until there is space again. */
export interface RecorderReport {
  state: 'ok' | 'low' | 'full';
  free_bytes: number;
  total_bytes: number;
  /** Hours that one lecture could be recorded. */
  hours_left: number;
  /** Recordings that run now, and how many of them are paused because the disk is full. */
  open: number;
  degraded: number;
  uploads_waiting: number;
  uploads_failed: number;
}

/** Whether there is room to record a lecture; the fields stand in the problem `recording_space` of a start, too. */
export interface RecordingSpace {
  enough: boolean;
  free_bytes: number;
  hours_left: number;
  hours_wanted: number;
}

/* Messages of the Socket.IO namespace /live. */
export interface Hello {
  boot_id: string;
  server_time: string;
  lecture: Lecture | null;
}

export interface Viewers {
  lecture_id: string;
  classes: number;
  classes_expected: number;
  schools: number;
  schools_expected: number;
}

export type BoardRow = Partial<BoardScreen> & { id: string };
export type SoundState = 'on' | 'muted' | 'blocked';

export interface ScreenReport {
  playing: boolean;
  sound: SoundState;
  visible: boolean;
  frames: number;
  freezes: number;
  path: string;
}

export interface ServerMessages {
  hello: (message: Hello) => void;
  lecture: (message: Lecture) => void;
  viewers: (message: Viewers) => void;
  board: (message: { lecture_id: string; screens: BoardRow[] }) => void;
  evidence: (message: WallChange) => void;
  challenge: (message: Challenge) => void;
  restarting: (message: { window_seconds: number }) => void;
  replaced: (message: Record<string, never>) => void;
  conflict: (message: { screen_id: string }) => void;
  takeover_requested: (message: { request_id: string; by: string }) => void;
  takeover_answered: (message: { request_id: string; allowed: boolean }) => void;
  publisher: (message: { state: 'live' | 'lost' | 'replaced' }) => void;
}

export interface ClientMessages {
  report: (message: ScreenReport) => void;
  takeover_answer: (message: { request_id: string; allow: boolean }) => void;
}
