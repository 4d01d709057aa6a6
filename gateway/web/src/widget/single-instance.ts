/** On an element that was put on the page here, and on its copies in pages that a site keeps. */
const ADDED_ATTRIBUTE = 'data-hoidap-added';
/** Puttings back within a second, at most: a page that takes the element away each time shall have its way. */
const MAX_REMOUNTS = 20;

let instance: SingleInstance | null = null;

/** Keeps exactly one widget on the page, for a script that names its site. A page whose script runs again, because its
 * body was swapped, gets no second one: the first takes over what the script says now. */
export function mountOnce(name: string, script: HTMLScriptElement, onChange: (element: HTMLElement) => void): void {
  if (instance === null) instance = new SingleInstance(name, script);
  else if (instance.copyAttributes(script)) onChange(instance.element);
}

class SingleInstance {
  readonly element: HTMLElement;
  private readonly observer = new MutationObserver(() => {
    this.ensureMounted();
  });
  private remounts: number[] = [];

  constructor(
    private readonly tagName: string,
    script: HTMLScriptElement,
  ) {
    this.element = document.createElement(tagName);
    this.copyAttributes(script);
    this.ensureMounted();
  }

  /** Gives the element the script's attributes; whether any is other than before. */
  copyAttributes(script: HTMLScriptElement): boolean {
    const before = attributeSnapshot(this.element);
    for (const { name } of [...this.element.attributes]) this.element.removeAttribute(name);
    for (const { name, value } of script.attributes) {
      if (name.startsWith('data-')) this.element.setAttribute(name, value);
    }
    this.element.setAttribute(ADDED_ATTRIBUTE, '');
    return before !== attributeSnapshot(this.element);
  }

  /** Sees to it that there is one, wherever the page's body went, and goes on watching. */
  private ensureMounted(): void {
    const body = document.body as HTMLElement | null;
    const others = [...document.querySelectorAll(this.tagName)].filter((other) => other !== this.element);
    const copies = others.filter((other) => other.hasAttribute(ADDED_ATTRIBUTE));
    copies.forEach((copy) => {
      copy.remove();
    });
    // An element that the site itself placed is the one.
    if (others.length > copies.length) this.element.remove();
    else if (!this.element.isConnected && body !== null && this.mayRemount()) body.append(this.element);
    this.observer.disconnect();
    for (const node of [document, document.documentElement as Element | null, body]) {
      if (node !== null) this.observer.observe(node, { childList: true });
    }
  }

  private mayRemount(): boolean {
    const now = Date.now();
    this.remounts = [...this.remounts.filter((time) => now - time < 1_000), now];
    return this.remounts.length <= MAX_REMOUNTS;
  }
}

function attributeSnapshot(element: Element): string {
  return JSON.stringify([...element.attributes].map(({ name, value }) => [name, value]));
}
