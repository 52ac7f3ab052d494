import type { Connect, Plugin } from 'vite';

/** Maps the server's page addresses to the HTML files while developing: `/studio/<id>` is `studio.html`. */
const PAGES: Record<string, string> = { studio: '/studio.html', console: '/console.html', class: '/class.html', pair: '/pair.html', t: '/test.html', in: '/sign.html', home: '/home.html' };

const rewrite: Connect.NextHandleFunction = (request, _response, next) => {
  const [path = '/'] = (request.url ?? '/').split('?');
  const page = PAGES[path.split('/')[1] ?? ''];
  if (page !== undefined && !path.endsWith('.html')) request.url = page;
  next();
};

export function pages(): Plugin {
  return {
    name: 'jiangtang-pages',
    configureServer: (server) => void server.middlewares.use(rewrite),
    configurePreviewServer: (server) => void server.middlewares.use(rewrite),
  };
}

/** Where the development server finds the programme: `jiangtang serve --demo` on this machine. */
const TARGET = process.env['JIANGTANG_URL'] ?? 'http://127.0.0.1:8080';

export const proxy = {
  '/api': TARGET,
  '/whip': TARGET,
  '/whep': TARGET,
  '/hls': TARGET,
  '/socket.io': { target: TARGET, ws: true },
};
