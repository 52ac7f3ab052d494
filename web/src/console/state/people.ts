import type { Level, NewPerson, PeopleOptions, Person, Place } from '../../shared/people';
import type { Problem } from '../../shared/problem';
import type { Role } from '../../shared/types';

/** What the pages of people decide by themselves. Pure; the server decides in the end. */
export interface Post {
  role: Role | '';
  node: string;
  agency: string;
}

export interface Draft extends Post {
  login: string;
  name: string;
}

export type Field = keyof Draft;
/** A code of a sentence for each field that is wrong. */
export type Wrong = Partial<Record<Field, string>>;

const LOGIN = /^[A-Za-z0-9][A-Za-z0-9._@-]{2,63}$/;

/** The levels at which the chosen role is held; none before one is chosen. */
export function levelsOf(role: Role | '', options: PeopleOptions | null): readonly Level[] {
  return options?.roles.find((one) => one.role === role)?.levels ?? [];
}

/** The places at which a role can be held, each once. */
export function fitting(places: readonly Place[], levels: readonly Level[]): Place[] {
  const codes = new Set<string>();
  return places.filter(({ code, level }) => levels.includes(level) && !codes.has(code) && codes.add(code));
}

/** `兴义市 · 第一小学`: a school says where it is. */
export function placeName(place: Place): string {
  return place.level === 'school' && place.county !== undefined ? `${place.county.name} · ${place.name}` : place.name;
}

/** What is missing or misspelt, before anything is sent. */
export function wrongIn(draft: Draft): Wrong {
  return {
    ...(!LOGIN.test(draft.login.trim()) && { login: 'login' }),
    ...(draft.name.trim() === '' && { name: 'name' }),
    ...wrongPost(draft),
  };
}

export function wrongPost(post: Post): Wrong {
  return { ...(post.role === '' && { role: 'role' }), ...(post.node === '' && { node: 'node' }) };
}

/** Only people of the prefecture belong to an agency. */
export function hasAgency(levels: readonly Level[], place: Place | undefined): boolean {
  return levels.includes('prefecture') && (place === undefined || place.level === 'prefecture');
}

export function order(draft: Draft): NewPerson {
  const { login, name, role, node, agency } = draft;
  return { login: login.trim(), name: name.trim(), role: role as Role, node, agency: agency === '' ? null : agency };
}

/** The fields that the server has found wrong, with its reasons. */
export function refused(problem: Problem): Wrong {
  const errors = problem.fields['errors'];
  if (!Array.isArray(errors)) return {};
  const told = errors as { field: string; reason: string }[];
  return Object.fromEntries(told.map(({ field, reason }) => [field, reason])) as Wrong;
}

export interface Face {
  key: 'active' | 'invited' | 'expired' | 'disabled';
  mark: string;
}

/** How somebody stands: without a password an invitation has to hold. */
export function faceOf(person: Person, now: number): Face {
  if (person.state === 'disabled') return { key: 'disabled', mark: '✕' };
  if (person.state === 'active') return { key: 'active', mark: '●' };
  const holds = person.invited_until !== null && Date.parse(person.invited_until) > now;
  return holds ? { key: 'invited', mark: '◐' } : { key: 'expired', mark: '○' };
}
