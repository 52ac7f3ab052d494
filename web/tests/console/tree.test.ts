import { describe, expect, it } from 'vitest';
import { rowsOf, step, typed, type Branches, type Item } from '../../src/console/state/tree';

const item = (key: string, level: Item['level']): Item => ({ key, name: `${key}校`, level, schools: 0, closed: false });

const BRANCHES: Branches = new Map([
  ['5223', { item: item('5223', 'prefecture'), open: true, children: ['01', '02'] }],
  ['01', { item: item('01', 'county'), open: true, children: ['a', 'b'] }],
  ['02', { item: item('02', 'county'), open: false, children: null }],
  ['a', { item: item('a', 'school'), open: false, children: ['c'] }],
  ['b', { item: item('b', 'school'), open: true, children: [] }],
  ['c', { item: item('c', 'class'), open: false, children: null }],
]);
const ROWS = rowsOf(['5223'], BRANCHES);

describe('the tree', () => {
  it('shows what is open, with depth and place among brothers', () => {
    expect(ROWS.map((row) => [row.item.key, row.depth, row.place, row.among])).toEqual([
      ['5223', 1, 1, 1], ['01', 2, 1, 2], ['a', 3, 1, 2], ['b', 3, 2, 2], ['02', 2, 2, 2],
    ]);
  });

  it('is walked by arrows', () => {
    expect(step(ROWS, '5223', 'ArrowDown')).toEqual({ to: '01' });
    expect(step(ROWS, '02', 'ArrowDown')).toBeNull();
    expect(step(ROWS, '02', 'ArrowUp')).toEqual({ to: 'b' });
    expect(step(ROWS, 'a', 'Home')).toEqual({ to: '5223' });
    expect(step(ROWS, 'a', 'End')).toEqual({ to: '02' });
  });

  it('opens and goes in by the right arrow, shuts and goes out by the left', () => {
    expect(step(ROWS, '02', 'ArrowRight')).toEqual({ open: '02' });
    expect(step(ROWS, '01', 'ArrowRight')).toEqual({ to: 'a' });
    expect(step(ROWS, 'b', 'ArrowRight')).toBeNull();
    expect(step(ROWS, '01', 'ArrowLeft')).toEqual({ shut: '01' });
    expect(step(ROWS, 'a', 'ArrowLeft')).toEqual({ to: '01' });
    expect(step(ROWS, '5223', 'ArrowLeft')).toEqual({ shut: '5223' });
  });

  it('is searched by what is typed, going round', () => {
    expect(typed(ROWS, '5223', 'b')).toBe('b');
    expect(typed(ROWS, 'b', '0')).toBe('02');
    expect(typed(ROWS, '02', '0')).toBe('01');
    expect(typed(ROWS, '01', '02')).toBe('02');
    expect(typed(ROWS, '01', 'z')).toBeNull();
  });
});
