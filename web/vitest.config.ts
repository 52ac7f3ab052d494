import { defineConfig } from 'vitest/config';

/** Unit tests of the pure parts; what needs a browser is tested in one, from the repository's `tests/browser/`. */
export default defineConfig({
  test: { include: ['tests/**/*.test.ts'], environment: 'node', maxWorkers: 1 },
});
