/** Calls back when the page's address changes without a load, until the signal is aborted. */
export function onNavigation(onChange: () => void, signal: AbortSignal): void {
  // The Navigation API tells of pushState, too; without it, going back and forth is what can be heard.
  const navigation = (window as { navigation?: EventTarget }).navigation;
  navigation?.addEventListener('currententrychange', onChange, { signal });
  window.addEventListener('popstate', onChange, { signal });
}
