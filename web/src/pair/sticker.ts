/** Sticker codes as they are typed: the alphabet and its check letter are those of the server (`signaling/screens/stickers.py`). */
export const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
export const LETTERS = 12;

/** A code without spaces and dashes; letters that are in no code are left out. */
export function clean(text: string): string {
  return text
    .toUpperCase()
    .split('')
    .filter((letter) => ALPHABET.includes(letter))
    .join('')
    .slice(0, LETTERS);
}

/** Whether a code can be one: a slip of one letter is seen without asking the server. */
export function fits(code: string): boolean {
  if (code.length !== LETTERS || clean(code) !== code) return false;
  const sum = code
    .slice(0, -1)
    .split('')
    .reduce((total, letter, place) => total + (2 * place + 1) * ALPHABET.indexOf(letter), 0);
  return ALPHABET[sum % ALPHABET.length] === code[LETTERS - 1];
}

/** A code in groups of four; what is not typed yet is a dot. */
export function grouped(code: string): string {
  const whole = code.padEnd(LETTERS, '·');
  return [0, 4, 8].map((place) => whole.slice(place, place + 4)).join(' ');
}
