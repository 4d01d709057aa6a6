/** Refresh interval of the figures, in milliseconds. */
const REFRESH_INTERVAL_MS = 30_000;

/** Refreshes the figures at an interval while the page is visible, and at once when it becomes visible again. */
export class RefreshTimer {
  private timer: number | undefined;

  constructor(private readonly refresh: () => void) {}

  /** Follows the page's visibility from now on. */
  start(): void {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.refresh();
    });
  }

  /** Plans the next refresh, unless the page is hidden. */
  schedule(): void {
    this.cancel();
    if (document.hidden) return;
    this.timer = window.setTimeout(this.refresh, REFRESH_INTERVAL_MS);
  }

  /** Drops the planned refresh. */
  cancel(): void {
    clearTimeout(this.timer);
  }
}
