import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Source text of every file below the folders. */
function sources(folders: readonly string[]): string {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((path) => /\.(ts|vue)$/.test(path) && !/[/\\](words|i18n)[/\\]/.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

/** Keys that no source names, neither as a whole nor by a template such as `scene.${id}`. */
export function unusedKeys(keys: readonly string[], folders: readonly string[]): string[] {
  const text = sources(folders);
  const templates = [...text.matchAll(/`([a-z][\w.]*\.)((?:\$\{[^}]+\}[\w.]*)+)`/g)].map(
    ([, head = '', tail = '']) => {
      const rest = tail.replaceAll('.', '\\.').replace(/\$\{[^}]+\}/g, '[\\w.-]*');
      return new RegExp(`^${head.replaceAll('.', '\\.')}${rest}$`);
    },
  );
  return keys.filter((key) => !text.includes(`'${key}'`) && !templates.some((template) => template.test(key)));
}

/** The names of a sentence's parameters, sorted. */
export function parameters(sentence: string): string[] {
  return [...sentence.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
}
