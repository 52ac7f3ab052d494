/** What the keys do, the same as in other players. */
export type Action =
  | { kind: 'toggle' }
  | { kind: 'mute' }
  | { kind: 'full' }
  | { kind: 'skip'; by: number }
  | { kind: 'volume'; by: number }
  /** To a share of the whole; 1 is the end, or live. */
  | { kind: 'jump'; share: number };

export interface Press {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const PLAIN: ReadonlyMap<string, Action> = new Map<string, Action>([
  [' ', { kind: 'toggle' }],
  ['k', { kind: 'toggle' }],
  ['m', { kind: 'mute' }],
  ['f', { kind: 'full' }],
  ['j', { kind: 'skip', by: -10 }],
  ['l', { kind: 'skip', by: 10 }],
  ['pagedown', { kind: 'skip', by: -10 }],
  ['pageup', { kind: 'skip', by: 10 }],
  ['arrowup', { kind: 'volume', by: 0.1 }],
  ['arrowdown', { kind: 'volume', by: -0.1 }],
  ['home', { kind: 'jump', share: 0 }],
  ['end', { kind: 'jump', share: 1 }],
]);

/** The action of a key, or null when it is not one of ours or belongs to the browser. */
export function actionOf(press: Press): Action | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  const key = press.key.toLowerCase();
  if (key === 'arrowleft' || key === 'arrowright') {
    return { kind: 'skip', by: (key === 'arrowleft' ? -1 : 1) * (press.shiftKey ? 10 : 5) };
  }
  if (press.shiftKey) return null;
  if (/^\d$/.test(key)) return { kind: 'jump', share: Number(key) / 10 };
  return PLAIN.get(key) ?? null;
}
