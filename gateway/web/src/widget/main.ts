import { readOptions } from './page/options.ts';
import { styleSheet } from './view/theme.ts';
import { Widget } from './widget.ts';

const NAME = 'hoidap-chat';

/** Where the script came from, and with it the API. */
let origin = location.origin;

/** `<hoidap-chat data-site="…">`: the widget, wherever it stands on the page. */
export class HoidapChat extends HTMLElement {
  private life: AbortController | null = null;
  private widget: Widget | null = null;
  private readonly shadow = this.attachShadow({ mode: 'open' });

  connectedCallback(): void {
    if (this.life !== null) return;
    const options = readOptions(this, origin);
    if (options.site === '') {
      console.error('Hoidap: data-site is missing. Set it to the public key of your site.');
      return;
    }
    this.life = new AbortController();
    this.shadow.adoptedStyleSheets = [styleSheet()];
    this.widget = new Widget(options, this.shadow, this.life.signal);
  }

  disconnectedCallback(): void {
    this.life?.abort();
    this.life = this.widget = null;
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

/** Makes the element known, and puts one on the page for a script that names its site. */
export function start(script: HTMLScriptElement | null): void {
  if (script !== null) origin = new URL(script.src).origin;
  if (customElements.get(NAME) === undefined) customElements.define(NAME, HoidapChat);
  if (script?.dataset.site === undefined || document.querySelector(NAME) !== null) return;
  const element = document.createElement(NAME);
  for (const { name, value } of script.attributes) {
    if (name.startsWith('data-')) element.setAttribute(name, value);
  }
  const attach = () => {
    if (!element.isConnected) document.body.append(element);
  };
  attach();
  // Sites that swap the whole body on navigation would lose it.
  new MutationObserver(attach).observe(document.documentElement, { childList: true });
}
