/** Calls back when the page's URL changes without a load, until the signal is aborted. */
export function onNavigation(onChange: () => void, signal: AbortSignal): void {
  // The Navigation API also reports pushState; without it, only back and forward are reported.
  const navigation = (window as { navigation?: EventTarget }).navigation;
  navigation?.addEventListener('currententrychange', onChange, { signal });
  window.addEventListener('popstate', onChange, { signal });
}
