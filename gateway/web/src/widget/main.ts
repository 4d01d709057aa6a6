import { mountOnce } from './single-instance.ts';
import { readOptions } from './page/options.ts';
import { styleSheet } from './view/theme.ts';
import { Widget } from './widget.ts';

const TAG_NAME = 'hoidap-chat';

/** The origin of the script, and the default for the API. */
let origin = location.origin;

/** `<hoidap-chat data-site="…">`: the custom element of the widget. */
export class HoidapChat extends HTMLElement {
  private lifetime: AbortController | null = null;
  private widget: Widget | null = null;
  private removalTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly shadow = this.attachShadow({ mode: 'open' });

  connectedCallback(): void {
    clearTimeout(this.removalTimer);
    if (this.lifetime === null) this.mount();
    else this.widget?.onRemount();
  }

  /** Unmounts after a delay, because a page that swaps its body re-inserts the element at once. */
  disconnectedCallback(): void {
    clearTimeout(this.removalTimer);
    this.removalTimer = setTimeout(() => {
      this.unmount();
    });
  }

  /** Restarts the widget with its current attributes. */
  restart(): void {
    if (!this.isConnected) return;
    this.unmount();
    this.mount();
  }

  private mount(): void {
    const options = readOptions(this, origin);
    if (options.site === '') {
      console.error('Hoidap: data-site is missing. Set it to the public key of your site.');
      return;
    }
    this.lifetime = new AbortController();
    this.shadow.adoptedStyleSheets = [styleSheet()];
    this.widget = new Widget(options, this.shadow, this.lifetime.signal);
  }

  private unmount(): void {
    this.lifetime?.abort();
    this.lifetime = this.widget = null;
    this.shadow.replaceChildren();
  }

  /** Opens the chat, as its button does. */
  open(): void {
    this.widget?.open();
  }

  /** Closes the chat. */
  close(): void {
    this.widget?.close();
  }

  /** Opens the chat and asks. */
  ask(question: string): void {
    this.widget?.open();
    this.widget?.ask(question);
  }
}

/** Defines the element, and mounts one if the script names a site. */
export function start(script: HTMLScriptElement | null): void {
  if (script !== null) origin = new URL(script.src).origin;
  const defined = customElements.get(TAG_NAME);
  if (defined === undefined) customElements.define(TAG_NAME, HoidapChat);
  // Another version of the widget may be defined already; it stays until the page is reloaded.
  else if (defined !== HoidapChat) return;
  if (script?.dataset.site === undefined) return;
  mountOnce(TAG_NAME, script, (element) => {
    if (element instanceof HoidapChat) element.restart();
  });
}
