import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import elementPlus from 'unplugin-element-plus/vite';
import { defineConfig } from 'vite';
import { pages, proxy } from './pages.ts';

const page = (name: string): string => fileURLToPath(new URL(`./${name}.html`, import.meta.url));

/**
 * Studio and console. The pages live under a strict Content-Security-Policy: no inline script or style, nothing from
 * `data:`, no eval; so no asset is inlined and every style is a file. The class screen has its own configuration.
 */
export default defineConfig({
  plugins: [vue(), elementPlus({}), pages()],
  define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'chrome94',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    rolldownOptions: { input: { studio: page('studio'), console: page('console') } },
  },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy },
});
