import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** The built page, which `hoidap-worker` embeds. Not in `dist`: that folder is for the gateway, and is emptied first. */
export const REPLAY_PAGE = fileURLToPath(new URL('../dist-replay/replay.html', import.meta.url));

/** The placeholder for the report in the page; `null` is replaced by its JSON. */
export const REPLAY_MARKER = '<script type="application/json" id="report">null</script>';

/** Builds the page of a replay's report. The same sources give the same bytes. */
export async function replayPage(): Promise<string> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const built = await build({ root, configFile: `${root}vite.replay.config.ts` });
  if (Array.isArray(built) || !('output' in built)) throw new Error('one build was expected');
  const page = built.output.find((file) => file.type === 'asset');
  if (page === undefined || built.output.length > 1) throw new Error('the build is more than one page');
  const html = String(page.source);
  if (html.split(REPLAY_MARKER).length !== 2) throw new Error('the page needs one place for the report');
  return html.replace('{policy}', policy(html));
}

/** Nothing but the page's own script and style runs, and nothing is fetched, whatever a report holds. */
function policy(html: string): string {
  const hash = (element: 'script' | 'style') => {
    const content = new RegExp(`<${element}(?![^>]*json)[^>]*>(.*?)</${element}>`, 's').exec(html)?.[1] ?? '';
    return `${element}-src 'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  return `default-src 'none'; ${hash('script')}; ${hash('style')}; img-src data:; base-uri 'none'; form-action 'none'`;
}
