// A company's own website, on another origin than the gateway.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { gateway } from './test-gateway.ts';

/** The public key of the sample site. */
export const SITE = 'pk_diecxam';
/** The canonical URL of a page, under which its document is indexed. */
const OWN = 'https://www.diecxam.example/vi/mail/gioi-han.html';
/** A page about none of the products. */
const HOME = 'https://www.diecxam.example/vi/index.html';
/** The strictest policy that a site with the widget can have. */
export const POLICY = `default-src 'none'; script-src ${gateway}; connect-src ${gateway}; style-src 'self'; img-src 'self'`;

export const TAG = `<script async src="${gateway}/widget.js" data-site="${SITE}"></script>`;

const HOSTILE = `* { all: unset !important; display: inline !important; color: lime !important; font: 40px fantasy !important;
  position: static !important; visibility: visible !important; letter-spacing: 9px !important; }
  button, textarea, dialog { display: none !important; opacity: 0.1 !important; transform: rotate(7deg) !important; }`;

/** Published libraries with which sites swap their pages. */
const LIBRARIES: Record<string, string> = {
  '/htmx.js': 'htmx.org/dist/htmx.min.js',
  '/htmx2.js': 'htmx2/dist/htmx.min.js',
  '/turbo.js': '@hotwired/turbo/dist/turbo.es2017-umd.js',
};

/** The attribute that makes a library swap the body on navigation. */
const BOOST: Record<string, string> = { htmx: 'hx-boost:inherited="true"', htmx2: 'hx-boost="true"' };

export class Host {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Host> {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://host').pathname;
      if (path === '/hostile.css') {
        response.writeHead(200, { 'content-type': 'text/css' }).end(HOSTILE);
        return;
      }
      const library = LIBRARIES[path];
      if (library !== undefined) {
        const text = readFileSync(createRequire(import.meta.url).resolve(library), 'utf8');
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(text);
        return;
      }
      const headers: Record<string, string> = { 'content-type': 'text/html; charset=utf-8' };
      if (path === '/strict') headers['content-security-policy'] = POLICY;
      response.writeHead(200, headers).end(page(path));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Host(server, `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function page(path: string): string {
  const style = path === '/hostile' ? '<link rel="stylesheet" href="/hostile.css">' : '';
  const [, swaps = '', place = ''] = /^\/(htmx2?|turbo|plain)-(head|body)/.exec(path) ?? [];
  const library = LIBRARIES[`/${swaps}.js`] === undefined ? '' : `<script src="/${swaps}.js"></script>`;
  const inHead = place === 'head' ? TAG : '';
  const inBody = path === '/bare' || place === 'head' ? '' : TAG;
  const [own, product] = path === '/home' ? [HOME, ''] : [OWN, 'data-hoidap-product="mail"'];
  const next = place === '' ? '/next' : `/${swaps}-${place}?next`;
  return `<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Giới hạn | Diệc Mail</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="canonical" href="${own}">${style}${library}${inHead}</head>
<body ${product} ${BOOST[swaps] ?? ''}><main><h1>Giới hạn gửi, nhận và lưu trữ</h1><p id="words">Dung lượng hộp thư theo từng gói.</p>
<p><a id="next" href="${next}">Trang sau</a></p></main>${inBody}</body></html>`;
}
