import { describe, expect, it } from 'vitest';
import { details, instants, sentence } from '../../src/console/state/audit';
import { faceOf, fitting, hasAgency, levelsOf, order, placeName, refused, wrongIn, type Draft } from '../../src/console/state/people';
import type { PeopleOptions, Person, Place } from '../../src/shared/people';
import { Problem } from '../../src/shared/problem';

const options: PeopleOptions = {
  roles: [
    { role: 'county_admin', levels: ['county'] },
    { role: 'lecturer', levels: ['county', 'prefecture', 'school'] },
  ],
  agencies: [],
};
const prefecture: Place = { code: '522300', name: '某州', level: 'prefecture' };
const county: Place = { code: '522301', name: '某市', level: 'county' };
const school: Place = { code: '2152000001', name: '某小学', level: 'school', county: { code: '522301', name: '某市' } };
const draft: Draft = { login: 'keeper.1', name: '某人', role: 'county_admin', node: '522301', agency: '' };

describe('who is added where', () => {
  it('knows the levels of a role, and none before one is chosen', () => {
    expect(levelsOf('county_admin', options)).toEqual(['county']);
    expect(levelsOf('', options)).toEqual([]);
    expect(levelsOf('auditor', options)).toEqual([]);
    expect(levelsOf('lecturer', null)).toEqual([]);
  });

  it('offers each place once, and only where the role is held', () => {
    const all = [prefecture, county, county, school];
    expect(fitting(all, ['county'])).toEqual([county]);
    expect(fitting(all, ['prefecture', 'school'])).toEqual([prefecture, school]);
    expect(fitting(all, [])).toEqual([]);
  });

  it('says of a school where it is', () => {
    expect(placeName(school)).toBe('某市 · 某小学');
    expect(placeName(county)).toBe('某市');
  });

  it('asks for an agency at the prefecture alone', () => {
    expect(hasAgency(['prefecture'], undefined)).toBe(true);
    expect(hasAgency(['county', 'prefecture', 'school'], county)).toBe(false);
    expect(hasAgency(['county', 'prefecture', 'school'], prefecture)).toBe(true);
    expect(hasAgency(['county'], undefined)).toBe(false);
  });

  it('finds what is missing or misspelt', () => {
    expect(wrongIn(draft)).toEqual({});
    expect(wrongIn({ login: 'ab', name: ' ', role: '', node: '', agency: '' })).toEqual({ login: 'login', name: 'name', role: 'role', node: 'node' });
    for (const login of ['张三三', '.abc', 'a b c', 'x'.repeat(65)]) expect(wrongIn({ ...draft, login })).toEqual({ login: 'login' });
  });

  it('sends no spaces and no empty agency', () => {
    expect(order({ ...draft, login: ' keeper.1 ', name: ' 某人 ' })).toEqual({ ...draft, agency: null });
  });

  it('reads the fields that the server refuses', () => {
    const problem = new Problem(409, 'login_taken', { errors: [{ field: 'login', reason: 'login_taken' }] });
    expect(refused(problem)).toEqual({ login: 'login_taken' });
    expect(refused(new Problem(0, 'offline'))).toEqual({});
  });
});

describe('how somebody stands', () => {
  const person = (state: Person['state'], invited_until: string | null): Person => ({ state, invited_until }) as Person;
  const now = Date.parse('2026-03-02T04:00:00Z');

  it('needs an invitation that holds as long as there is no password', () => {
    expect(faceOf(person('active', null), now).key).toBe('active');
    expect(faceOf(person('invited', '2026-03-02T04:00:01Z'), now).key).toBe('invited');
    expect(faceOf(person('invited', '2026-03-02T03:59:59Z'), now).key).toBe('expired');
    expect(faceOf(person('invited', null), now).key).toBe('expired');
    expect(faceOf(person('disabled', '2026-03-02T04:00:01Z'), now).key).toBe('disabled');
  });
});

describe('the log of actions', () => {
  it('asks for days of the schools, the last one included', () => {
    expect(instants({ from: '2026-03-02', to: '2026-03-02', actor: 'a', action: '' })).toEqual({
      actor: 'a',
      since: '2026-03-02T00:00:00+08:00',
      until: '2026-03-02T16:00:00.000Z',
    });
    expect(instants({ from: 'yesterday', to: '2026-13-01' })).toEqual({});
  });

  it('says an action in both languages, and an unknown one as it is', () => {
    const actions = [{ action: 'person.added', zh: '添加人员', en: 'added a person' }];
    expect(sentence(actions, 'person.added', 'zh-CN')).toBe('添加人员');
    expect(sentence(actions, 'person.added', 'en')).toBe('added a person');
    expect(sentence(actions, 'old.thing', 'en')).toBe('old.thing');
  });

  it('tells changes as before and after, and everything else one by one', () => {
    expect(details({ before: { name: '甲', agency: null }, after: { name: '乙', agency: 'police' } })).toEqual([
      { key: 'name', value: '乙', before: '甲' },
      { key: 'agency', value: 'police', before: '–' },
    ]);
    expect(details({ filter: { actor: 'a' }, rows: 3, list: [1] })).toEqual([
      { key: 'actor', value: 'a' },
      { key: 'rows', value: '3' },
      { key: 'list', value: '[1]' },
    ]);
    expect(details({})).toEqual([]);
  });
});
