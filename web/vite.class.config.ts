import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { pages, proxy } from './pages.ts';

/**
 * The class screen, the page that pairs it and the page that tests its line: no framework, built for Chrome 69 and later. They are built after the other pages into the same `dist/`;
 * its files are named `assets/class-*`.
 */
export default defineConfig({
  plugins: [pages()],
  publicDir: false,
  build: {
    target: ['chrome69', 'es2018'],
    modulePreload: { polyfill: false },
    cssTarget: 'chrome69',
    emptyOutDir: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        class: fileURLToPath(new URL('./class.html', import.meta.url)),
        pair: fileURLToPath(new URL('./pair.html', import.meta.url)),
        sign: fileURLToPath(new URL('./sign.html', import.meta.url)),
        home: fileURLToPath(new URL('./home.html', import.meta.url)),
        test: fileURLToPath(new URL('./test.html', import.meta.url)),
      },
      output: {
        entryFileNames: 'assets/class-[name]-[hash].js',
        chunkFileNames: 'assets/class-[name]-[hash].js',
        assetFileNames: 'assets/class-[name]-[hash][extname]',
      },
    },
  },
  server: { proxy },
  preview: { proxy },
});
