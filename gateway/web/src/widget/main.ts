/** Puts the widget on the page. */
export function start(script: HTMLScriptElement | null): void {
  console.info('Hoidap', script?.dataset.site);
}
