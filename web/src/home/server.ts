import { request } from '../shared/problem';

/** The one question of this page. The household's token is a cookie; where cookies are not kept, it is remembered here. */
export type Phase = 'before' | 'live' | 'paused' | 'cut' | 'preparing' | 'replay' | 'over' | 'called_off';

export interface Watch {
  hls_url: string;
  token: string;
  expires_in: number;
  live: boolean;
}

export interface Visit {
  phase: Phase;
  title: string;
  lecturer: string;
  school: string;
  class_name: string;
  scheduled_at: string;
  minutes: number;
  until: string | null;
  server_time: string;
  again_s: number;
  watch: Watch | null;
  household: string | null;
}

const KEPT = 'jiangtang.household';
let kept: string | null = recall();

function recall(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // some browsers forbid storage
  }
}

function keep(token: string): void {
  kept = token;
  try {
    localStorage.setItem(KEPT, token);
  } catch {
    return; // it then lasts as long as the page
  }
}

/** Asks what there is to see behind a code. Every failure is a `Problem`. */
export async function visit(code: string): Promise<Visit> {
  const body = JSON.stringify({ code, household: kept });
  const init = { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body } as const;
  const told = (await (await request('/api/v1/home/visits', init)).json()) as Visit;
  if (told.household !== null) keep(told.household);
  return told;
}
