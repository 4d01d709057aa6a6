type Child = Node | string | null | false;

interface Properties {
  class?: string;
  on?: Partial<{ [Name in keyof HTMLElementEventMap]: (event: HTMLElementEventMap[Name]) => void }>;
  [attribute: string]: unknown;
}

/** Creates an element. Strings become attributes and text nodes, never markup. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'on') {
      for (const [type, listener] of Object.entries(properties.on ?? {})) {
        element.addEventListener(type, listener as EventListener);
      }
    } else if (typeof value === 'string') element.setAttribute(key, value);
    else if (value === true) element.setAttribute(key, '');
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** Whether the key belongs to an input method. Safari ends a composition before the key that ends it, which then has no
 * other mark than this code. */
export function isComposing(event: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other mark
  return event.isComposing || event.keyCode === 229;
}

/** Sets the attribute, or removes it for `null`. */
export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
