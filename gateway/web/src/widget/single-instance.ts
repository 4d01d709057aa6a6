/** Marks the element that this script added, and copies of it in cached pages. */
const ADDED_ATTRIBUTE = 'data-hoidap-added';
/** Maximum re-insertions per second; after that, the page's removal wins. */
const MAX_REMOUNTS = 20;

let instance: SingleInstance | null = null;

/** Mounts exactly one widget on the page. If the script runs again because the page's body was swapped, the existing
 * widget takes over the script's attributes. */
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

  /** Copies the script's attributes to the element, and returns whether any changed. */
  copyAttributes(script: HTMLScriptElement): boolean {
    const before = attributeSnapshot(this.element);
    for (const { name } of [...this.element.attributes]) this.element.removeAttribute(name);
    for (const { name, value } of script.attributes) {
      if (name.startsWith('data-')) this.element.setAttribute(name, value);
    }
    this.element.setAttribute(ADDED_ATTRIBUTE, '');
    return before !== attributeSnapshot(this.element);
  }

  /** Ensures that the element is on the page, even after its body was replaced, and keeps observing. */
  private ensureMounted(): void {
    const body = document.body as HTMLElement | null;
    const others = [...document.querySelectorAll(this.tagName)].filter((other) => other !== this.element);
    const copies = others.filter((other) => other.hasAttribute(ADDED_ATTRIBUTE));
    copies.forEach((copy) => {
      copy.remove();
    });
    // An element placed by the site itself takes precedence.
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
