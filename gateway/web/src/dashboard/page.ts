import { ApiError, getReport, signOut } from './api.ts';
import { toQueryParams, type ViewFilters, parseViewFilters, formatViewFilters } from './view-filters.ts';
import { ConversationDialog } from './conversation-dialog.ts';
import { ConversationList } from './conversation-list.ts';
import { h, replaceChildren } from './dom.ts';
import { errorText } from './error-text.ts';
import { FilterForm } from './filter-form.ts';
import { renderFreshness } from './freshness-label.ts';
import { initialLanguage, type Language, Localization } from './localization.ts';
import { LoginForm } from './login-form.ts';
import { RefreshTimer } from './refresh.ts';
import { ReportView } from './report-view.ts';
import type { Report } from './types.ts';

/** The whole page: sign-in, filters and figures. It passes its state down to the views. */
export class DashboardPage {
  private localization = new Localization(initialLanguage());
  private viewFilters: ViewFilters = parseViewFilters(location.search);
  private report: Report | undefined;
  private reportKey = '';
  private request: AbortController | undefined;
  private readonly refreshTimer = new RefreshTimer(() => void this.load());

  private readonly skip = h('a', { class: 'skip', href: '#figures' });
  private readonly brand = h('h1');
  private readonly freshness = h('p', { class: 'fresh' });
  private readonly languages = h('div', { class: 'speech', role: 'group' });
  private readonly signOutButton = h('button', { type: 'button', class: 'plain', click: () => void this.signOut() });
  private readonly notice = h('div', { class: 'notice', role: 'alert' });
  private readonly status = h('p', { class: 'loading', role: 'status' });
  private readonly loginForm = new LoginForm(() => {
    this.loginForm.hide();
    void this.load();
  });
  private readonly filterForm = new FilterForm((viewFilters) => {
    this.applyFilters(viewFilters);
  });
  private readonly conversation = new ConversationDialog();
  private readonly list = new ConversationList(
    (session) => {
      this.openConversation(session);
    },
    () => {
      this.onSignedOut();
    },
  );
  private readonly reportView = new ReportView((session) => {
    this.openConversation(session);
  });
  private readonly figures = h('main', { id: 'figures', tabindex: -1 });
  private readonly header = h(
    'header',
    {},
    this.brand,
    this.freshness,
    h('div', { class: 'tools' }, this.languages, this.signOutButton),
  );

  constructor(private readonly root: HTMLElement) {}

  /** Shows the page and keeps it up to date. */
  start(): void {
    replaceChildren(
      this.figures,
      this.loginForm.element,
      this.filterForm.element,
      this.notice,
      this.status,
      this.reportView.element,
      this.list.element,
    );
    replaceChildren(this.root, this.skip, this.header, this.figures, this.conversation.element);
    addEventListener('popstate', () => {
      this.viewFilters = parseViewFilters(location.search);
      void this.load();
    });
    this.refreshTimer.start();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.render();
    });
    this.setLanguage(this.localization.language);
    void this.load();
  }

  private setLanguage(language: Language): void {
    this.localization = new Localization(language);
    const { messages } = this.localization;
    document.documentElement.lang = language;
    document.title = messages.title;
    this.skip.textContent = messages.skip;
    this.brand.textContent = messages.brand;
    this.signOutButton.textContent = messages.signOut;
    this.languages.setAttribute('aria-label', messages.language);
    replaceChildren(this.languages, this.languageButton('en', 'English'), this.languageButton('vi', 'Tiếng Việt'));
    this.loginForm.setLocalization(this.localization);
    this.list.setLocalization(this.localization);
    this.conversation.setLocalization(this.localization);
    this.render();
  }

  private languageButton(language: Language, name: string): HTMLElement {
    const choose = () => {
      this.setLanguage(language);
      this.localization.save();
    };
    const pressed = String(this.localization.language === language);
    return h(
      'button',
      { type: 'button', class: 'plain', lang: language, 'aria-pressed': pressed, 'data-key': language, click: choose },
      name,
    );
  }

  private applyFilters(viewFilters: ViewFilters): void {
    this.viewFilters = viewFilters;
    history.pushState(null, '', `?${formatViewFilters(viewFilters)}`);
    void this.load();
  }

  /** Loads the figures for the filters, and plans the next refresh. */
  private async load(): Promise<void> {
    this.refreshTimer.cancel();
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const query = toQueryParams(this.viewFilters);
    const key = formatViewFilters(this.viewFilters);
    this.updateFilterForm();
    if (this.reportKey !== key) {
      this.figures.setAttribute('aria-busy', 'true');
      this.status.textContent = this.localization.messages.loading;
    }
    try {
      const report = await getReport(query, request.signal);
      if (request.signal.aborted) return;
      this.report = report;
      this.reportKey = key;
      this.showNotice();
      this.setSignedIn(true);
      this.render();
      void this.list.show(query);
    } catch (error) {
      if (request.signal.aborted) return;
      this.onLoadError(error);
    }
    this.figures.removeAttribute('aria-busy');
    this.status.textContent = '';
    if (!this.loginForm.visible) this.refreshTimer.schedule();
  }

  private onLoadError(error: unknown): void {
    if (error instanceof ApiError && error.kind === 'signed_out') {
      this.onSignedOut();
      return;
    }
    this.setSignedIn(this.report !== undefined);
    this.filterForm.element.hidden = this.loginForm.visible;
    // Figures of other filters must not stand under the chosen ones.
    const current = this.reportKey === formatViewFilters(this.viewFilters);
    for (const element of [this.freshness, this.reportView.element, this.list.element]) element.hidden = !current;
    const stale = current ? this.report?.freshness.as_of : undefined;
    const { messages } = this.localization;
    const old = stale ? messages.stale.replace('{time}', this.localization.dateTime(stale)) : '';
    this.showNotice(`${errorText(error, this.localization)} ${old}`);
  }

  /** Shows what is wrong; an empty text clears it. */
  private showNotice(text = ''): void {
    const message = text.trim();
    if (this.notice.dataset.says === message) return;
    this.notice.dataset.says = message;
    const retry = h('button', { type: 'button', click: () => void this.load() }, this.localization.messages.again);
    if (message) replaceChildren(this.notice, h('p', {}, message), retry);
    else replaceChildren(this.notice);
  }

  private onSignedOut(): void {
    const before = this.report !== undefined;
    this.refreshTimer.cancel();
    this.request?.abort();
    this.figures.removeAttribute('aria-busy');
    this.status.textContent = '';
    this.report = undefined;
    this.reportKey = '';
    this.conversation.close();
    this.list.clear();
    this.showNotice();
    this.setSignedIn(false);
    this.loginForm.show(before ? this.localization.messages.failure.signed_out : '');
  }

  private setSignedIn(signedIn: boolean): void {
    if (signedIn) this.loginForm.hide();
    this.signOutButton.hidden = !signedIn;
    this.freshness.hidden = !signedIn;
    for (const element of [this.filterForm.element, this.reportView.element, this.list.element])
      element.hidden = !signedIn;
  }

  private async signOut(): Promise<void> {
    try {
      await signOut();
    } catch (error) {
      this.showNotice(errorText(error, this.localization));
      return;
    }
    this.report = undefined;
    this.onSignedOut();
  }

  private openConversation(session: string): void {
    void this.conversation.open(session);
  }

  private render(): void {
    this.updateFilterForm();
    const report = this.report;
    if (report === undefined) {
      this.setSignedIn(false);
      return;
    }
    renderFreshness(this.freshness, report.freshness, this.localization);
    this.reportView.update(report, this.localization);
  }

  private updateFilterForm(): void {
    this.filterForm.update(this.viewFilters, this.report?.choices ?? { products: [], locales: [] }, this.localization);
  }
}
