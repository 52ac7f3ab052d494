import type { Policy } from '../../shared/account';

/** What a page can tell of a password while it is typed (`signaling/auth/password_policy.py` decides, and knows common ones). */
export interface Rule {
  readonly key: 'length' | 'kinds' | 'person';
  readonly met: boolean;
}

export function kinds(password: string): number {
  const found = [...password].map((letter) =>
    /\p{Ll}/u.test(letter) ? 1 : /\p{Lu}/u.test(letter) ? 2 : /\p{Nd}/u.test(letter) ? 3 : /\p{L}/u.test(letter) ? 4 : 5,
  );
  return new Set(found).size;
}

function holds(password: string, word: string, shortest: number): boolean {
  const [all, one] = [password.normalize('NFKC').toLowerCase(), word.normalize('NFKC').toLowerCase().trim()];
  return one.length >= shortest && (all.includes(one) || all.includes([...one].reverse().join('')));
}

export function rules(password: string, policy: Policy, login: string, name: string): readonly Rule[] {
  const length = [...password].length;
  return [
    { key: 'length', met: length >= policy.shortest && length <= policy.longest },
    { key: 'kinds', met: kinds(password) >= policy.kinds },
    { key: 'person', met: length > 0 && !holds(password, login, 3) && !holds(password, name, 2) },
  ];
}
