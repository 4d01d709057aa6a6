declare const __WIDGET_MAIN__: string;

const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const mainUrl = new URL(__WIDGET_MAIN__, script?.src ?? location.href).href;

function load(): void {
  import(/* @vite-ignore */ mainUrl).then(
    (main: typeof import('./main.ts')) => {
      main.start(script);
    },
    (error: unknown) => {
      console.error('Hoidap: the widget could not be loaded.', error);
    },
  );
}

/** The widget loads after the page, when the browser is idle. */
function loadWhenIdle(): void {
  if ('requestIdleCallback' in window) requestIdleCallback(load, { timeout: 3_000 });
  else setTimeout(load, 200);
}

if (document.readyState === 'complete') loadWhenIdle();
else addEventListener('load', loadWhenIdle, { once: true });
