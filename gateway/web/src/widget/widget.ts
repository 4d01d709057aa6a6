import { withLock } from './chat/lock.ts';
import { Conversation } from './chat/conversation.ts';
import { browserStorage, memoryStorage, ConversationStore } from './chat/store.ts';
import { awaitsChoice, citedSource, type Turn } from './chat/turn.ts';
import { Api } from './client/api.ts';
import { PageAddress, readPage } from './page/context.ts';
import { onNavigation } from './page/navigation.ts';
import type { Options } from './page/options.ts';
import { plainText } from './markdown/plain.ts';
import { chooseLanguage, readDictionary, type Texts, textsFor } from './texts/texts.ts';
import { Announcer } from './view/announcer.ts';
import { Composer } from './view/composer.ts';
import { el, isComposing } from './view/dom.ts';
import { icon } from './view/icons.ts';
import { Panel } from './view/panel.ts';
import { PassageView } from './view/passage.ts';
import { applyTheme } from './view/theme.ts';
import { failureText, TurnView } from './view/turn.ts';

/** Screens on which the panel fills the viewport. */
const SMALL_SCREEN_QUERY = '(max-width: 480px), (max-height: 420px)';

/** The whole widget: the launcher button, the panel, and its conversation. */
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
  private readonly pendingTurns = new Map<string, Turn>();
  private readonly smallScreen = matchMedia(SMALL_SCREEN_QUERY);
  private readonly tabStorage = browserStorage('sessionStorage') ?? memoryStorage();
  private readonly pageAddress = new PageAddress();
  private animationFrame = 0;
  private unread = false;
  private opener: HTMLElement | null = null;

  constructor(
    private readonly options: Options,
    shadow: ShadowRoot,
    signal: AbortSignal,
  ) {
    const { language, texts } = textsFor(chooseLanguage(options.lang), readDictionary(options.dictionary));
    this.texts = texts;
    const store = new ConversationStore(options.site, browserStorage('localStorage'));
    const api = new Api(options.api, options.site, {
      read: () => store.session(),
      write: (session) => {
        store.setSession(session);
      },
      withLock: async (requestSignal, work) =>
        (await withLock(`hoidap:${options.site}:session`, requestSignal, work)) ??
        Promise.reject(new Error('the request was aborted')),
    });
    this.conversation = new Conversation(api, store, options.site, this.conversationListener(), signal);
    this.panel = new Panel(options, texts, {
      close: () => {
        this.close();
      },
      newConversation: () => {
        this.conversation.startNew();
        this.focusPanel();
      },
      ask: (question) => {
        this.ask(question);
      },
    });
    this.composer = new Composer(texts, {
      ask: (question) => {
        this.ask(question, true);
      },
      stop: () => {
        this.conversation.stop();
      },
      draftChanged: (draft) => {
        this.remember('draft', draft);
      },
    });
    const { header, scroller, banner } = this.panel;
    const footer = el('div', { class: 'foot' }, banner, this.composer.element, el('p', { class: 'note' }, texts.note));
    this.passage = new PassageView(texts, [header, scroller, footer], () => {
      this.restoreFocus();
    });
    this.dialog.append(header, scroller, footer, this.passage.element, ...this.announcer.elements);
    this.root = el('div', { class: 'root', lang: language, 'data-corner': options.corner }, this.launcher, this.dialog);
    shadow.append(this.root);
    applyTheme(this.root, options, signal);
    this.addListeners(signal);
    this.composer.setDraft(this.tabStorage.getItem(this.storageKey('draft')) ?? '');
    this.updateLauncher();
    this.conversation.load();
    if (this.tabStorage.getItem(this.storageKey('open')) === 'yes') this.show();
  }

  /** Opens the panel and moves the focus into it. */
  open(): void {
    this.show();
    this.focusPanel();
  }

  close(): void {
    this.passage.close();
    this.dialog.close();
    this.dialog.removeAttribute('open');
    this.remember('open', 'no');
    this.updateLauncher();
    this.launcher.focus();
  }

  /** Asks; a question that was typed keeps the field's focus. */
  ask(question: string, typed = false): void {
    if (this.conversation.busy || question.trim() === '') return;
    this.conversation.ask(question.trim(), readPage(this.pageAddress, this.options));
    this.announcer.announceStatus(this.texts.working);
    if (typed) this.composer.focus();
    else this.focusPanel();
    this.panel.scroller.scrollTop = this.panel.scroller.scrollHeight;
  }

  /** Restores the modal state and the scroll position after the page removed and re-inserted the element. */
  onRemount(): void {
    const { scrollTop } = this.panel.scroller;
    this.onScreenSizeChange();
    this.render();
    if (scrollTop > 0) this.panel.scroller.scrollTop = scrollTop;
    else this.panel.scrollToEnd();
  }

  private show(): void {
    if (this.dialog.open) return;
    if (this.smallScreen.matches) this.dialog.showModal();
    else this.dialog.setAttribute('open', '');
    this.unread = false;
    this.remember('open', 'yes');
    this.updateLauncher();
    this.fitToViewport();
    this.composer.updateLength();
    this.panel.scrollToEnd();
  }

  private conversationListener() {
    return {
      onTurnChange: (turn: Turn) => {
        this.pendingTurns.set(turn.id, turn);
        this.animationFrame ||= requestAnimationFrame(() => {
          this.render();
        });
        this.updateControls();
      },
      onTurnEnd: (turn: Turn) => {
        if (!this.dialog.open) this.unread = true;
        this.updateLauncher();
        const words = turn.failure === null ? '' : failureText(turn.failure, this.texts);
        this.announcer.announceAnswer(
          [plainText(turn.text), words, awaitsChoice(turn) ? this.texts.choices : ''].filter(Boolean).join('\n'),
          turn.failure === null ? turn.language : '',
        );
      },
      onReplace: (turns: Turn[]) => {
        this.passage.close();
        this.views.clear();
        this.pendingTurns.clear();
        this.panel.turns.replaceChildren();
        turns.forEach((turn) => this.pendingTurns.set(turn.id, turn));
        this.render();
        this.updateControls();
      },
    };
  }

  /** Renders the changed turns, at most once per frame. */
  private render(): void {
    cancelAnimationFrame(this.animationFrame);
    this.animationFrame = 0;
    const { scroller } = this.panel;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    const before = scroller.scrollTop;
    for (const turn of this.pendingTurns.values()) {
      const view = this.views.get(turn.id);
      if (view !== undefined) view.update(turn);
      else this.addView(turn);
    }
    this.pendingTurns.clear();
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
        this.announcer.announceStatus(this.texts.working);
        this.focusPanel();
      },
      rate: (id, feedback) => this.conversation.rate(id, feedback),
      showSource: (shown, n, opener) => {
        this.showSource(shown, n, opener);
      },
      announce: (text) => {
        this.announcer.announceStatus(text);
      },
    });
    this.views.set(turn.id, view);
    // A turn from another tab may be older than one shown here.
    const later = [...this.panel.turns.children].find((item) => (item.getAttribute('data-turn') ?? '') > turn.id);
    this.panel.turns.insertBefore(view.element, later ?? null);
  }

  private updateControls(): void {
    this.composer.setBusy(this.conversation.busy);
    this.panel.setState({ empty: this.views.size + this.pendingTurns.size === 0, offline: !navigator.onLine });
  }

  private showSource(turn: Turn, n: number, opener: HTMLElement): void {
    const source = citedSource(turn, n);
    if (source === null) return;
    this.opener = opener;
    this.passage.open(n, source);
  }

  private restoreFocus(): void {
    if (this.opener?.isConnected === true) this.opener.focus();
    else this.focusPanel();
    this.opener = null;
  }

  private updateLauncher(): void {
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

  private addListeners(signal: AbortSignal): void {
    this.launcher.addEventListener('click', () => {
      if (this.dialog.open) this.close();
      else this.open();
    });
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.stepBack();
    });
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !isComposing(event) && this.dialog.open) {
        event.preventDefault();
        this.stepBack();
      }
    });
    // Keys typed here must not trigger the page's shortcuts.
    for (const type of ['keydown', 'keyup', 'keypress']) {
      this.root.addEventListener(type, (event) => {
        event.stopPropagation();
      });
    }
    for (const type of ['online', 'offline'] as const) {
      window.addEventListener(
        type,
        () => {
          this.onNetworkChange();
        },
        { signal },
      );
    }
    this.smallScreen.addEventListener(
      'change',
      () => {
        this.onScreenSizeChange();
      },
      { signal },
    );
    visualViewport?.addEventListener(
      'resize',
      () => {
        this.fitToViewport();
      },
      { signal },
    );
    visualViewport?.addEventListener(
      'scroll',
      () => {
        this.fitToViewport();
      },
      { signal },
    );
    onNavigation(() => {
      this.pageAddress.current();
    }, signal);
    this.pageAddress.current();
  }

  /** Closes the passage if it is open, otherwise the panel. */
  private stepBack(): void {
    if (this.passage.isOpen) this.passage.close();
    else this.close();
  }

  private onNetworkChange(): void {
    this.updateControls();
    if (!navigator.onLine) this.announcer.announceStatus(this.texts.offline);
  }

  private onScreenSizeChange(): void {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.show();
  }

  /** Keeps a full-screen panel above the on-screen keyboard. */
  private fitToViewport(): void {
    const { height = innerHeight, offsetTop = 0 } = visualViewport ?? {};
    this.dialog.style.setProperty('--height', `${height}px`);
    this.dialog.style.setProperty('--top', `${offsetTop}px`);
  }

  /** Focuses the field, or on a touch screen the conversation, which the keyboard would cover. */
  private focusPanel(): void {
    if (matchMedia('(pointer: coarse)').matches) this.panel.scroller.focus({ preventScroll: true });
    else this.composer.focus();
  }

  private remember(name: string, value: string): void {
    try {
      this.tabStorage.setItem(this.storageKey(name), value);
    } catch {
      // The storage is full: the next page does not know it.
    }
  }

  private storageKey(name: string): string {
    return `hoidap:${this.options.site}:${name}`;
  }
}
