import { describe, expect, it } from 'vitest';
import { ALPHABET, clean, fits, grouped } from '../../src/pair/sticker';

/** Made by the server's `stickers.code_of(b'key', 'screen', n)`. */
const CODES = ['LJA4S9EML6EJ', 'BZN76GDUJG2U', 'L9X33BEA85LS', '7FX2XYGUHPF9'];

describe('a sticker code', () => {
  it.each(CODES)('%s of the server fits', (code) => {
    expect(fits(code)).toBe(true);
  });

  it('with one wrong letter does not', () => {
    const code = CODES[0] as string;
    for (let place = 0; place < code.length; place += 1) {
      for (const letter of ALPHABET) {
        if (letter !== code[place]) expect(fits(code.slice(0, place) + letter + code.slice(place + 1))).toBe(false);
      }
    }
  });

  it('is read as people write it', () => {
    const code = CODES[0] as string;
    expect(clean(` ${code.slice(0, 4).toLowerCase()}-${code.slice(4, 8)} ${code.slice(8)} `)).toBe(code);
    expect(clean('O0I1')).toBe('');
  });

  it('shows what is not typed yet', () => {
    expect(grouped('ABCDE')).toBe('ABCD E··· ····');
  });
});
