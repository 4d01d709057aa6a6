// Links to the pages' published address, such as those of citations, open the copies that are served here.
const origins = document.currentScript.dataset.origins.split(' ');
document.addEventListener(
  'click',
  (event) => {
    // Through the widget's shadow root, whose event names its host only.
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    const to = link && URL.canParse(link.href) ? new URL(link.href) : null;
    if (to === null || !origins.includes(to.origin)) return;
    event.preventDefault();
    open(to.pathname + to.search + to.hash, link.target || '_self', 'noopener');
  },
  true,
);
