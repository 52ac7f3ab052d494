import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Linter } from 'eslint';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';

/** What classroom terminals get: small, and in a language that Chrome 69 reads. */

const BUDGET = 60_000;
const SMALL = 20_000;
const YOUNGER_THAN_CHROME_69 = ['globalThis', 'queueMicrotask', '.replaceAll(', '.matchAll(', 'AbortSignal.', 'structuredClone', '.at(-', 'allSettled'];

const YOUNGER_SYNTAX: Linter.RulesRecord = {
  'no-restricted-syntax': ['error', 'ChainExpression', "LogicalExpression[operator='??']", 'ExportAllDeclaration[exported]'],
};

interface Piece {
  name: string;
  text: string;
  /** Loaded only when it is wanted: hls.js, the player. */
  lazy: boolean;
  /** The pages that load it: class, pair, test. */
  pages: string[];
}

let pieces: Piece[] = [];

beforeAll(async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const result = await build({
    root,
    configFile: `${root}vite.class.config.ts`,
    logLevel: 'error',
    build: { write: false },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((r) => ('output' in r ? r.output : []));
  const wanted = outputs.flatMap((o) => (o.type === 'chunk' && o.isDynamicEntry ? [o] : []));
  const late = new Set(wanted.flatMap((o) => [o.fileName, ...(o.viteMetadata?.importedCss ?? [])]));
  const chunks = outputs.flatMap((o) => (o.type === 'chunk' ? [o] : []));
  const needs = (name: string): string[] => {
    const chunk = chunks.find((one) => one.fileName === name);
    return chunk === undefined ? [name] : [name, ...(chunk.viteMetadata?.importedCss ?? []), ...chunk.imports.flatMap(needs)];
  };
  const entries = chunks.filter((one) => one.isEntry).map((one) => ({ page: one.name, files: new Set(needs(one.fileName)) }));
  const pagesOf = (name: string): string[] => entries.filter(({ files }) => files.has(name)).map(({ page }) => page);
  const textOf = (o: (typeof outputs)[number]): string => (o.type === 'chunk' ? o.code : String(o.source));
  pieces = outputs.map((o) => ({ name: o.fileName, text: textOf(o), lazy: late.has(o.fileName), pages: pagesOf(o.fileName) }));
}, 60_000);

const scripts = (): Piece[] => pieces.filter((piece) => piece.name.endsWith('.js'));
const styles = (): Piece[] => pieces.filter((piece) => piece.name.endsWith('.css'));

describe('the bundle of the class screen', () => {
  it.each([
    ['class', BUDGET],
    ['pair', SMALL],
    ['test', SMALL],
  ])('stays within its bytes of gzip on the page %s, Socket.IO included', (page, budget) => {
    const loaded = pieces.filter((piece) => piece.pages.includes(page));
    const sizes = loaded.map((piece) => gzipSync(piece.text, { level: 9 }).length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(budget);
    expect(loaded.some((piece) => piece.lazy)).toBe(false);
  });

  it('keeps hls.js and the player for those who need them, each in a file of its own', () => {
    const names = pieces.filter((piece) => piece.lazy && piece.name.endsWith('.js')).map((piece) => piece.name);
    expect(names.some((name) => /^assets\/class-hls/.test(name))).toBe(true);
    expect(names.some((name) => /^assets\/class-player/.test(name))).toBe(true);
    expect(names.every((name) => name.startsWith('assets/class-'))).toBe(true);
  });

  it('parses as ES2018 with import(), which Chrome knows since 63', () => {
    const errors = scripts().flatMap(({ name, text }) =>
      new Linter()
        .verify(text, [{ languageOptions: { ecmaVersion: 2020, sourceType: 'module' }, rules: YOUNGER_SYNTAX }], { filename: name })
        .filter((message) => message.fatal || message.ruleId === 'no-restricted-syntax'),
    );
    expect(errors).toEqual([]);
  }, 30_000);

  it('calls nothing that is younger than Chrome 69', () => {
    const found = scripts().flatMap(({ text }) => YOUNGER_THAN_CHROME_69.filter((word) => text.includes(word)));
    expect(found).toEqual([]);
  });

  it('has no style that Chrome 69 does not know', () => {
    const css = styles().map(({ text }) => text).join('\n');
    expect(css.length).toBeGreaterThan(1000);
    expect(css).not.toMatch(/aspect-ratio|:is\(|:where\(|\d(dvh|svh)|\bgap:|\binset:|clamp\(|\bmin\(|\bmax\(/);
  });
});
