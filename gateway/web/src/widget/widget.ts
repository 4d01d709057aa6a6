import { alone } from './chat/lock.ts';
import { Conversation } from './chat/conversation.ts';
import { browserStorage, memoryStorage, Store } from './chat/store.ts';
import { asksBack, sourceOf, type Turn } from './chat/turn.ts';
import { Api } from './client/api.ts';
import { PageAddress, readPage } from './page/context.ts';
import { onNavigation } from './page/navigation.ts';
import type { Options } from './page/options.ts';
import { plainText } from './markdown/plain.ts';
import { chooseLanguage, readDictionary, type Texts, textsFor } from './texts/texts.ts';
import { Announcer } from './view/announcer.ts';
import { Composer } from './view/composer.ts';
import { el } from './view/dom.ts';
import { icon } from './view/icons.ts';
import { Panel } from './view/panel.ts';
import { PassageView } from './view/passage.ts';
import { applyTheme } from './view/theme.ts';
import { failureWords, TurnView } from './view/turn.ts';

/** Where the panel fills the screen. */
const SMALL_SCREEN = '(max-width: 480px), (max-height: 420px)';

/** The whole widget in one root: the button, the panel, and the conversation in it. */
export class Widget {
  private readonly texts: Texts;
  private readonly conversation: Conversation;
  private readonly panel: Panel;
  private readonly passage: PassageView;
  private readonly composer: Composer;
  private readonly announcer = new Announcer();
  private readonly dialog = el('dialog', { class: 'panel', id: 'panel', 'aria-labelledby': 'title' });
  private readonly launcher = el('button', { class: 'launcher', type: 'button', 'aria-controls': 'panel' });
  private readonly root: HTMLElement;
  private readonly views = new Map<string, TurnView>();
  private readonly changed = new Map<string, Turn>();
  private readonly small = matchMedia(SMALL_SCREEN);
  private readonly tab = browserStorage('sessionStorage') ?? memoryStorage();
  private readonly address = new PageAddress();
  private frame = 0;
  private unread = false;
  private opener: HTMLElement | null = null;

  constructor(
    private readonly options: Options,
    shadow: ShadowRoot,
    signal: AbortSignal,
  ) {
    const language = chooseLanguage(options.lang);
    const texts = (this.texts = textsFor(language, readDictionary(options.dictionary)));
    const store = new Store(options.site, browserStorage('localStorage'));
    const api = new Api(options.api, options.site, {
      read: () => store.session(),
      write: (session) => {
        store.setSession(session);
      },
      alone: async (work) => (await alone(`hoidap:${options.site}:session`, null, work)) ?? Promise.reject(new Error()),
    });
    this.conversation = new Conversation(api, store, options.site, this.watcher(), signal);
    this.panel = new Panel(options, texts, {
      close: () => {
        this.close();
      },
      startAnew: () => {
        this.conversation.startAnew();
        this.composer.focus();
      },
      ask: (question) => {
        this.ask(question);
      },
    });
    this.composer = new Composer(texts, {
      ask: (question) => {
        this.ask(question);
      },
      stop: () => {
        this.conversation.stop();
      },
      typed: (draft) => {
        this.tab.setItem(this.key('draft'), draft);
      },
    });
    const { header, scroller, banner } = this.panel;
    const foot = el('div', { class: 'foot' }, banner, this.composer.element, el('p', { class: 'note' }, texts.note));
    this.passage = new PassageView(texts, [header, scroller, foot], () => {
      this.focusBack();
    });
    this.dialog.append(header, scroller, foot, this.passage.element, ...this.announcer.elements);
    this.root = el('div', { class: 'root', lang: language, 'data-corner': options.corner }, this.launcher, this.dialog);
    shadow.append(this.root);
    applyTheme(this.root, options, signal);
    this.listen(signal);
    this.composer.write(this.tab.getItem(this.key('draft')) ?? '');
    this.showLauncher();
    this.conversation.load();
    if (this.tab.getItem(this.key('open')) === 'yes') this.show();
  }

  /** Opens the panel and puts the cursor into its field. */
  open(): void {
    this.show();
    // On a touch screen the keyboard would cover what the field is for.
    if (matchMedia('(pointer: coarse)').matches) this.panel.scroller.focus();
    else this.composer.focus();
  }

  close(): void {
    this.passage.close();
    this.dialog.close();
    this.dialog.removeAttribute('open');
    this.tab.setItem(this.key('open'), 'no');
    this.showLauncher();
    this.launcher.focus();
  }

  ask(question: string): void {
    if (this.conversation.busy || question.trim() === '') return;
    this.conversation.ask(question.trim(), readPage(this.address, this.options));
    this.announcer.state(this.texts.working);
    this.composer.focus();
    this.panel.scroller.scrollTop = this.panel.scroller.scrollHeight;
  }

  /** The page took the widget away and put it back: a panel that filled the screen does so no more. */
  putBack(): void {
    const { scrollTop } = this.panel.scroller;
    this.changeSize();
    this.draw();
    if (scrollTop > 0) this.panel.scroller.scrollTop = scrollTop;
    else this.panel.scrollToEnd();
  }

  private show(): void {
    if (this.dialog.open) return;
    if (this.small.matches) this.dialog.showModal();
    else this.dialog.setAttribute('open', '');
    this.unread = false;
    this.tab.setItem(this.key('open'), 'yes');
    this.showLauncher();
    this.fit();
    this.composer.measure();
    this.panel.scrollToEnd();
  }

  private watcher() {
    return {
      changed: (turn: Turn) => {
        this.changed.set(turn.id, turn);
        this.frame ||= requestAnimationFrame(() => {
          this.draw();
        });
        this.state();
      },
      ended: (turn: Turn) => {
        if (!this.dialog.open) this.unread = true;
        this.showLauncher();
        const words = turn.failure === null ? '' : failureWords(turn.failure, this.texts);
        this.announcer.answer(
          [plainText(turn.text), words, asksBack(turn) ? this.texts.choices : ''].filter(Boolean).join('\n'),
          turn.failure === null ? turn.language : '',
        );
      },
      replaced: (turns: Turn[]) => {
        this.passage.close();
        this.views.clear();
        this.changed.clear();
        this.panel.turns.replaceChildren();
        turns.forEach((turn) => this.changed.set(turn.id, turn));
        this.draw();
        this.state();
      },
    };
  }

  /** Draws the turns that changed, once for each frame that the browser shows. */
  private draw(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { scroller } = this.panel;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    const before = scroller.scrollTop;
    for (const turn of this.changed.values()) {
      const view = this.views.get(turn.id);
      if (view !== undefined) view.update(turn);
      else this.addView(turn);
    }
    this.changed.clear();
    if (atEnd) this.panel.scrollToEnd();
    else scroller.scrollTop = before;
  }

  private addView(turn: Turn): void {
    const view = new TurnView(turn, this.texts, {
      ask: (question) => {
        this.ask(question);
      },
      retry: (id) => {
        this.conversation.retry(id);
        this.announcer.state(this.texts.working);
        this.composer.focus();
      },
      rate: (id, feedback) => this.conversation.rate(id, feedback),
      showSource: (shown, n, opener) => {
        this.showSource(shown, n, opener);
      },
      say: (text) => {
        this.announcer.state(text);
      },
    });
    this.views.set(turn.id, view);
    // Another tab's turn may have been asked before one that is here.
    const later = [...this.panel.turns.children].find((item) => (item.getAttribute('data-turn') ?? '') > turn.id);
    this.panel.turns.insertBefore(view.element, later ?? null);
  }

  private state(): void {
    this.composer.show(this.conversation.busy);
    this.panel.show({ empty: this.views.size + this.changed.size === 0, offline: !navigator.onLine });
  }

  private showSource(turn: Turn, n: number, opener: HTMLElement): void {
    const source = sourceOf(turn, n);
    if (source === null) return;
    this.opener = opener;
    this.passage.open(n, source);
  }

  private focusBack(): void {
    if (this.opener?.isConnected === true) this.opener.focus();
    else this.composer.focus();
    this.opener = null;
  }

  private showLauncher(): void {
    const { texts, launcher } = this;
    const { open } = this.dialog;
    const label = open ? texts.close : this.unread ? texts.openUnread : texts.open;
    launcher.replaceChildren(icon(open ? 'down' : 'chat'));
    if (this.unread) launcher.append(el('span', { class: 'unread' }));
    launcher.title = label;
    launcher.setAttribute('aria-label', label);
    launcher.setAttribute('aria-expanded', String(open));
    this.root.classList.toggle('open', open);
  }

  private listen(signal: AbortSignal): void {
    this.launcher.addEventListener('click', () => {
      if (this.dialog.open) this.close();
      else this.open();
    });
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.back();
    });
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing && this.dialog.open) {
        event.preventDefault();
        this.back();
      }
    });
    // The page's own shortcuts must not take letters that are typed here.
    for (const type of ['keydown', 'keyup', 'keypress']) {
      this.root.addEventListener(type, (event) => {
        event.stopPropagation();
      });
    }
    for (const type of ['online', 'offline'] as const) {
      window.addEventListener(
        type,
        () => {
          this.network();
        },
        { signal },
      );
    }
    this.small.addEventListener(
      'change',
      () => {
        this.changeSize();
      },
      { signal },
    );
    visualViewport?.addEventListener(
      'resize',
      () => {
        this.fit();
      },
      { signal },
    );
    visualViewport?.addEventListener(
      'scroll',
      () => {
        this.fit();
      },
      { signal },
    );
    onNavigation(() => {
      this.address.current();
    }, signal);
    this.address.current();
  }

  /** One step back: from the passage to the conversation, from there to the page. */
  private back(): void {
    if (this.passage.isOpen) this.passage.close();
    else this.close();
  }

  private network(): void {
    this.state();
    if (!navigator.onLine) this.announcer.state(this.texts.offline);
  }

  private changeSize(): void {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.show();
  }

  /** Keeps a panel that fills the screen above the keyboard of a phone. */
  private fit(): void {
    const { height = innerHeight, offsetTop = 0 } = visualViewport ?? {};
    this.dialog.style.setProperty('--height', `${height}px`);
    this.dialog.style.setProperty('--top', `${offsetTop}px`);
  }

  private key(name: string): string {
    return `hoidap:${this.options.site}:${name}`;
  }
}
