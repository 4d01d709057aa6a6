import { signIn } from './api.ts';
import { h } from './dom.ts';
import { errorText } from './error-text.ts';
import { Localization } from './localization.ts';

/** The form that asks for the admin token. */
export class LoginForm {
  private localization = new Localization('en');
  private readonly heading = h('h2');
  private readonly about = h('p', { id: 'token-about', class: 'note' });
  private readonly label = h('label', { for: 'token' });
  private readonly token = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    'aria-describedby': 'token-about token-problem',
  });
  private readonly problem = h('p', { id: 'token-problem', class: 'problem', role: 'alert' });
  private readonly submit = h('button', { type: 'submit', class: 'strong' });
  readonly element = h(
    'form',
    { class: 'card login', hidden: true, novalidate: true, submit: (event) => void this.onSubmit(event) },
    this.heading,
    this.about,
    this.label,
    this.token,
    this.problem,
    this.submit,
  );

  constructor(private readonly onSignedIn: () => void) {}

  get visible(): boolean {
    return !this.element.hidden;
  }

  setLocalization(localization: Localization): void {
    this.localization = localization;
    const { signIn: messages } = localization.messages;
    this.heading.textContent = messages.heading;
    this.about.textContent = messages.about;
    this.label.textContent = messages.token;
    this.submit.textContent = messages.submit;
    this.showProblem('');
  }

  show(problem: string): void {
    if (this.visible) return;
    this.element.hidden = false;
    this.showProblem(problem);
    this.token.focus();
  }

  hide(): void {
    this.element.hidden = true;
    this.token.value = '';
  }

  private showProblem(problem: string): void {
    this.problem.textContent = problem;
    this.token.setAttribute('aria-invalid', String(problem !== ''));
  }

  private async onSubmit(event: Event): Promise<void> {
    event.preventDefault();
    const { signIn: messages } = this.localization.messages;
    if (this.token.value === '') {
      this.showProblem(messages.empty);
      this.token.focus();
      return;
    }
    this.submit.disabled = true;
    this.submit.textContent = messages.busy;
    try {
      await signIn(this.token.value);
      this.showProblem('');
      this.onSignedIn();
    } catch (error) {
      this.showProblem(errorText(error, this.localization));
      this.token.focus();
      this.token.select();
    } finally {
      this.submit.disabled = false;
      this.submit.textContent = messages.submit;
    }
  }
}
