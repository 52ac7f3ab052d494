import { afterEach, describe, expect, it, vi } from 'vitest';
import { exportUrl } from '../../src/console/components/tableParts';
import { recall, remember } from '../../src/console/state/tableMemory';
import { ask, begin, changed, narrowed, read, turn, write } from '../../src/console/state/tableWish';

const BEGINNING = { filters: { state: 'open', kind: '' }, sort: '', size: 50 };

describe('what is wanted of a list', () => {
  it('is told by the address as far as it differs from the beginning', () => {
    const wish = { ...begin(BEGINNING), q: '一小', page: 3, sort: '-pupils', filters: { state: 'closed', kind: '' } };
    const address = write(wish, BEGINNING);
    expect(address).toEqual({ q: '一小', page: '3', sort: '-pupils', state: 'closed' });
    expect(read(address, BEGINNING)).toEqual(wish);
    expect(write(begin(BEGINNING), BEGINNING)).toEqual({});
  });

  it('can be all of a filter that begins with a part', () => {
    const wish = { ...begin({ ...BEGINNING, filters: { kind: '21' } }), filters: { kind: '' } };
    expect(write(wish, { ...BEGINNING, filters: { kind: '21' } })).toEqual({ kind: '' });
  });

  it('reads a broken page as the first', () => {
    for (const page of ['0', '-1', 'x', '1.5']) expect(read({ page }, BEGINNING).page).toBe(1);
  });

  it('ignores what is no filter of the list', () => {
    expect(read({ region: '522301' }, BEGINNING).filters).toEqual(BEGINNING.filters);
  });

  it('asks the server for what is said, and for what the page itself says before anything else', () => {
    const wish = { ...begin(BEGINNING), q: '  ', filters: { state: 'open', kind: '21', county: '522302' } };
    expect(ask(wish, { county: '522301' })).toEqual({ state: 'open', kind: '21', county: '522301' });
  });

  it('knows which filters somebody has set', () => {
    expect(narrowed(begin(BEGINNING), BEGINNING)).toBe(false);
    expect(changed({ ...begin(BEGINNING), filters: { state: 'all', kind: '' } }, BEGINNING)).toEqual(['state']);
    expect(narrowed({ ...begin(BEGINNING), q: 'x' }, BEGINNING)).toBe(true);
  });

  it('orders numbers by the largest first, words by the first, and then not at all', () => {
    expect(['', '-pupils', 'pupils'].map((sort) => turn(sort, 'pupils', true))).toEqual(['-pupils', 'pupils', '']);
    expect(['', 'name', '-name'].map((sort) => turn(sort, 'name', false))).toEqual(['name', '-name', '']);
    expect(turn('-pupils', 'name', false)).toBe('name');
  });
});

describe('an export', () => {
  it('asks for exactly what is shown', () => {
    expect(exportUrl('schools', 'csv', { q: '一小', county: '522301' }, ['name', 'pupils'])).toBe(
      '/api/v1/tables/schools.csv?q=%E4%B8%80%E5%B0%8F&county=522301&columns=name%2Cpupils',
    );
  });
});

describe('what is remembered of a table', () => {
  afterEach(() => vi.unstubAllGlobals());

  function storage(kept: Record<string, string> = {}): void {
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept[key] ?? null,
      setItem: (key: string, value: string) => void (kept[key] = value),
    });
  }

  it('keeps columns and length apart from each other and from other tables', () => {
    storage();
    remember('schools', { size: 100 });
    remember('schools', { turned: ['code'] });
    expect(recall('schools')).toEqual({ size: 100, turned: ['code'] });
    expect(recall('classes')).toEqual({});
  });

  it('does without what is broken or forbidden', () => {
    storage({ 'jiangtang.table.schools': '{"size":"many","turned":[1,"code"]}', 'jiangtang.table.classes': 'no' });
    expect(recall('schools')).toEqual({ turned: ['code'] });
    expect(recall('classes')).toEqual({});
    vi.unstubAllGlobals();
    expect(recall('schools')).toEqual({});
  });
});
