import { Failure, getReport, signOut } from './api.ts';
import { asked, type Choice, readChoice, writeChoice } from './view-filters.ts';
import { ConversationView } from './conversation.ts';
import { ConversationList } from './conversations.ts';
import { h, replace } from './dom.ts';
import { failureText } from './error-text.ts';
import { Filters } from './filters.ts';
import { freshness } from './freshness.ts';
import { firstLanguage, type Language, Speech } from './localization.ts';
import { Login } from './login.ts';
import { ReportView } from './report.ts';
import type { Report } from './types.ts';

/** How often the figures are asked for again, in milliseconds. */
const REFRESH = 30_000;

/** The whole page: who may see it, what is chosen, and the figures. Data flows from here to the views alone. */
export class Page {
  private speech = new Speech(firstLanguage());
  private choice: Choice = readChoice(location.search);
  private shown: Report | undefined;
  private shownFor = '';
  private running: AbortController | undefined;
  private timer: number | undefined;

  private readonly skip = h('a', { class: 'skip', href: '#figures' });
  private readonly brand = h('h1');
  private readonly fresh = h('p', { class: 'fresh' });
  private readonly languages = h('div', { class: 'speech', role: 'group' });
  private readonly out = h('button', { type: 'button', class: 'plain', click: () => void this.signOut() });
  private readonly notice = h('div', { class: 'notice', role: 'alert' });
  private readonly status = h('p', { class: 'loading', role: 'status' });
  private readonly login = new Login(() => void this.load());
  private readonly filters = new Filters((choice) => {
    this.choose(choice);
  });
  private readonly conversation = new ConversationView();
  private readonly list = new ConversationList(
    (session) => {
      this.open(session);
    },
    () => {
      this.signedOut();
    },
  );
  private readonly report = new ReportView((session) => {
    this.open(session);
  });
  private readonly figures = h('main', { id: 'figures', tabindex: -1 });
  private readonly header = h(
    'header',
    {},
    this.brand,
    this.fresh,
    h('div', { class: 'tools' }, this.languages, this.out),
  );

  constructor(private readonly root: HTMLElement) {}

  /** Shows the page and keeps it up to date. */
  start(): void {
    replace(
      this.figures,
      this.login.element,
      this.filters.element,
      this.notice,
      this.status,
      this.report.element,
      this.list.element,
    );
    replace(this.root, this.skip, this.header, this.figures, this.conversation.element);
    addEventListener('popstate', () => {
      this.choice = readChoice(location.search);
      void this.load();
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.load();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.render();
    });
    this.speak(this.speech.language);
    void this.load();
  }

  private speak(language: Language): void {
    this.speech = new Speech(language);
    const { words } = this.speech;
    document.documentElement.lang = language;
    document.title = words.title;
    this.skip.textContent = words.skip;
    this.brand.textContent = words.brand;
    this.out.textContent = words.signOut;
    this.languages.setAttribute('aria-label', words.language);
    replace(this.languages, this.languageButton('en', 'English'), this.languageButton('vi', 'Tiếng Việt'));
    this.login.speak(this.speech);
    this.list.speak(this.speech);
    this.conversation.speak(this.speech);
    this.render();
  }

  private languageButton(language: Language, name: string): HTMLElement {
    const choose = () => {
      this.speak(language);
      this.speech.keep();
    };
    const pressed = String(this.speech.language === language);
    return h(
      'button',
      { type: 'button', class: 'plain', lang: language, 'aria-pressed': pressed, 'data-key': language, click: choose },
      name,
    );
  }

  private choose(choice: Choice): void {
    this.choice = choice;
    history.pushState(null, '', `?${writeChoice(choice)}`);
    void this.load();
  }

  /** Asks for the figures of what is chosen, now and every half minute. */
  private async load(): Promise<void> {
    clearTimeout(this.timer);
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const query = asked(this.choice);
    const wanted = writeChoice(this.choice);
    if (this.shownFor !== wanted) {
      this.figures.setAttribute('aria-busy', 'true');
      this.status.textContent = this.speech.words.loading;
    }
    try {
      const report = await getReport(query, running.signal);
      if (running.signal.aborted) return;
      this.shown = report;
      this.shownFor = wanted;
      this.say();
      this.signedIn(true);
      this.render();
      void this.list.show(query);
    } catch (error) {
      if (running.signal.aborted) return;
      this.failed(error);
    }
    this.figures.removeAttribute('aria-busy');
    this.status.textContent = '';
    if (document.hidden || this.login.visible) return;
    this.timer = window.setTimeout(() => void this.load(), REFRESH);
  }

  private failed(error: unknown): void {
    if (error instanceof Failure && error.kind === 'signed_out') {
      this.signedOut();
      return;
    }
    this.signedIn(this.shown !== undefined);
    this.filters.element.hidden = false;
    const stale = this.shown?.freshness.as_of;
    const { words } = this.speech;
    const old = stale ? words.stale.replace('{time}', this.speech.dateTime(stale)) : '';
    this.say(`${failureText(error, this.speech)} ${old}`);
  }

  /** Says what is wrong; nothing, when all is well. */
  private say(text = ''): void {
    const said = text.trim();
    if (this.notice.dataset.says === said) return;
    this.notice.dataset.says = said;
    const again = h('button', { type: 'button', click: () => void this.load() }, this.speech.words.again);
    if (said) replace(this.notice, h('p', {}, said), again);
    else replace(this.notice);
  }

  private signedOut(): void {
    const before = this.shown !== undefined;
    this.shown = undefined;
    this.shownFor = '';
    this.conversation.close();
    this.say();
    this.signedIn(false);
    this.login.show(before ? this.speech.words.failure.signed_out : '');
  }

  private signedIn(is: boolean): void {
    if (is) this.login.hide();
    this.out.hidden = !is;
    this.fresh.hidden = !is;
    for (const element of [this.filters.element, this.report.element, this.list.element]) element.hidden = !is;
  }

  private async signOut(): Promise<void> {
    try {
      await signOut();
    } catch (error) {
      this.say(failureText(error, this.speech));
      return;
    }
    this.shown = undefined;
    this.signedOut();
  }

  private open(session: string): void {
    void this.conversation.open(session);
  }

  private render(): void {
    const report = this.shown;
    if (report === undefined) {
      this.signedIn(false);
      this.filters.update(this.choice, { products: [], locales: [] }, this.speech);
      return;
    }
    this.filters.update(this.choice, report.choices, this.speech);
    freshness(this.fresh, report.freshness, this.speech);
    this.report.update(report, this.speech);
    this.list.link(asked(this.choice));
  }
}
