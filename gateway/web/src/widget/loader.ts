declare const __WIDGET_MAIN__: string;

const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const source = new URL(__WIDGET_MAIN__, script?.src ?? location.href);
void import(/* @vite-ignore */ source.href).then((main: typeof import('./main.ts')) => {
  main.start(script);
});
