/** On an element that was put on the page here, and on its copies in pages that a site keeps. */
const ADDED = 'data-hoidap-added';
/** Puttings back within a second, at most: a page that takes the element away each time shall have its way. */
const MOST = 20;

let kept: Keeper | null = null;

/** Keeps exactly one widget on the page, for a script that names its site. A page whose script runs again, because its
 * body was swapped, gets no second one: the first takes over what the script says now. */
export function keepOne(name: string, script: HTMLScriptElement, renew: (element: HTMLElement) => void): void {
  if (kept === null) kept = new Keeper(name, script);
  else if (kept.describe(script)) renew(kept.element);
}

class Keeper {
  readonly element: HTMLElement;
  private readonly observer = new MutationObserver(() => {
    this.look();
  });
  private puts: number[] = [];

  constructor(
    private readonly name: string,
    script: HTMLScriptElement,
  ) {
    this.element = document.createElement(name);
    this.describe(script);
    this.look();
  }

  /** Gives the element the script's attributes; whether any is other than before. */
  describe(script: HTMLScriptElement): boolean {
    const before = describes(this.element);
    for (const { name } of [...this.element.attributes]) this.element.removeAttribute(name);
    for (const { name, value } of script.attributes) {
      if (name.startsWith('data-')) this.element.setAttribute(name, value);
    }
    this.element.setAttribute(ADDED, '');
    return before !== describes(this.element);
  }

  /** Sees to it that there is one, wherever the page's body went, and goes on watching. */
  private look(): void {
    const body = document.body as HTMLElement | null;
    const others = [...document.querySelectorAll(this.name)].filter((other) => other !== this.element);
    const copies = others.filter((other) => other.hasAttribute(ADDED));
    copies.forEach((copy) => {
      copy.remove();
    });
    // An element that the site itself placed is the one.
    if (others.length > copies.length) this.element.remove();
    else if (!this.element.isConnected && body !== null && this.mayPut()) body.append(this.element);
    this.observer.disconnect();
    for (const node of [document, document.documentElement as Element | null, body]) {
      if (node !== null) this.observer.observe(node, { childList: true });
    }
  }

  private mayPut(): boolean {
    const now = Date.now();
    this.puts = [...this.puts.filter((put) => now - put < 1_000), now];
    return this.puts.length <= MOST;
  }
}

function describes(element: Element): string {
  return JSON.stringify([...element.attributes].map(({ name, value }) => [name, value]));
}
