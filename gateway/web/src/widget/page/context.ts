/** The page that a question is asked on, as the gateway takes it. */
export interface PageContext {
  url: string;
  title: string;
  product?: string;
  section?: string;
  content_preview?: string;
}

/** Metadata set by the site's owner, which takes precedence over the page's. */
export interface PageOverrides {
  product: string | null;
  section: string | null;
  /** Whether the page's text may be sent. */
  preview: boolean;
}

const MAX_URL = 2_000;
const MAX_TITLE = 300;
const MAX_NAME = 100;
const MAX_PREVIEW = 2_000;

/** Parts of a page that are not content or that hold a visitor's input. */
const EXCLUDED_SELECTOR =
  'script,style,noscript,template,svg,canvas,iframe,form,input,textarea,select,button,nav,header,footer,aside,' +
  'dialog,hoidap-chat,[hidden],[aria-hidden="true"],[contenteditable],[data-hoidap-ignore]';

/** Finds the page's URL, even if a single-page application leaves a stale canonical link. */
export class PageAddress {
  private canonical: string | null = null;
  private seenAt = '';

  /** The canonical URL if it belongs to the current page, otherwise the browser's. */
  current(): string {
    const canonical = canonicalLink();
    const here = location.origin + location.pathname;
    if (canonical !== this.canonical) {
      this.canonical = canonical;
      this.seenAt = here;
    }
    return sanitizeUrl(canonical !== null && this.seenAt === here ? canonical : location.href);
  }
}

/** Describes the page in its current state. */
export function readPage(address: PageAddress, overrides: PageOverrides): PageContext {
  const page: PageContext = { url: address.current(), title: truncate(document.title.trim(), MAX_TITLE) };
  const product = overrides.product ?? pageMetadata('product');
  const section = overrides.section ?? pageMetadata('section');
  if (product !== null) page.product = truncate(product, MAX_NAME);
  if (section !== null) page.section = truncate(section, MAX_NAME);
  const preview = overrides.preview ? mainText() : '';
  if (preview !== '') page.content_preview = preview;
  return page;
}

function canonicalLink(): string | null {
  const href = document.querySelector<HTMLLinkElement>('link[rel="canonical"]')?.href ?? '';
  return /^https?:/.test(href) && URL.canParse(href) ? href : null;
}

/** Removes credentials and fragment, and the query if the URL is too long. */
function sanitizeUrl(address: string): string {
  const url = new URL(address);
  url.username = url.password = url.hash = '';
  if (url.href.length > MAX_URL) url.search = '';
  return url.href.slice(0, MAX_URL);
}

/** Metadata of the page, from a `meta` element or a data attribute. */
export function pageMetadata(name: string): string | null {
  const meta = document.querySelector<HTMLMetaElement>(`meta[name="hoidap:${name}"]`)?.content;
  const attribute = document.querySelector(`[data-hoidap-${name}]`)?.getAttribute(`data-hoidap-${name}`);
  return [meta, attribute].map((value) => value?.trim() ?? '').find((value) => value !== '') ?? null;
}

function mainText(): string {
  const root = document.querySelector('main, [role="main"], article') ?? document.body;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node instanceof Element && node.matches(EXCLUDED_SELECTOR) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  let text = '';
  while (text.length < MAX_PREVIEW && walker.nextNode() !== null) {
    const words = walker.currentNode.nodeType === Node.TEXT_NODE ? (walker.currentNode.nodeValue ?? '') : '';
    const collapsed = words
      .slice(0, MAX_PREVIEW * 4)
      .replace(/\s+/g, ' ')
      .trim();
    if (collapsed !== '') text += (text === '' ? '' : ' ') + collapsed;
  }
  return truncate(text, MAX_PREVIEW);
}

/** Shortens a text without splitting a surrogate pair. */
function truncate(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}
