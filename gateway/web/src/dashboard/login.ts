import { signIn } from './api.ts';
import { h } from './dom.ts';
import { failureText } from './error-text.ts';
import { Speech } from './localization.ts';

/** The form that asks for the admin token. */
export class Login {
  private speech = new Speech('en');
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
    { class: 'card login', hidden: true, novalidate: true, submit: (event) => void this.send(event) },
    this.heading,
    this.about,
    this.label,
    this.token,
    this.problem,
    this.submit,
  );

  constructor(private readonly done: () => void) {}

  get visible(): boolean {
    return !this.element.hidden;
  }

  speak(speech: Speech): void {
    this.speech = speech;
    const { signIn: words } = speech.words;
    this.heading.textContent = words.heading;
    this.about.textContent = words.about;
    this.label.textContent = words.token;
    this.submit.textContent = words.submit;
    this.say('');
  }

  show(problem: string): void {
    if (this.visible) return;
    this.element.hidden = false;
    this.say(problem);
    this.token.focus();
  }

  hide(): void {
    this.element.hidden = true;
    this.token.value = '';
  }

  private say(problem: string): void {
    this.problem.textContent = problem;
    this.token.setAttribute('aria-invalid', String(problem !== ''));
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const { signIn: words } = this.speech.words;
    if (this.token.value === '') {
      this.say(words.empty);
      this.token.focus();
      return;
    }
    this.submit.disabled = true;
    this.submit.textContent = words.busy;
    try {
      await signIn(this.token.value);
      this.say('');
      this.done();
    } catch (error) {
      this.say(failureText(error, this.speech));
      this.token.focus();
      this.token.select();
    } finally {
      this.submit.disabled = false;
      this.submit.textContent = words.submit;
    }
  }
}
