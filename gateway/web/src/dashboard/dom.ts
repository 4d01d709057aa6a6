type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => void)>;

/** An element with attributes, listeners (functions) and children. Text is always text, never markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter(isPresent).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

function isPresent(child: Child): child is Node | string | number {
  return child !== null && child !== undefined && child !== false;
}

/**
 * Replaces the children of an element. The focus is restored to the child with the same
 * `data-key`, if there is one.
 */
export function replaceChildren(parent: HTMLElement, ...children: Child[]): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && parent.contains(active) ? active.dataset.key : undefined;
  parent.replaceChildren(...children.filter(isPresent).map((child) => (child instanceof Node ? child : String(child))));
  if (key !== undefined) {
    const again = [...parent.querySelectorAll<HTMLElement>('[data-key]')].find(
      (element) => element.dataset.key === key,
    );
    again?.focus({ preventScroll: true });
  }
}

/** A link to a page if its URL is http or https, otherwise its text. */
export function link(address: string): Node {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return document.createTextNode(address);
  }
  const text = readableUrl(url);
  return h('a', { href: url.href, rel: 'noopener noreferrer', target: '_blank', title: url.href }, text);
}

function readableUrl(url: URL): string {
  try {
    return decodeURI(url.pathname) + url.search;
  } catch {
    return url.pathname + url.search;
  }
}
