import type { PageContext } from '../page/context.ts';
import type { Feedback } from '../client/api.ts';
import type { Answer, AnswerEvent, Choice, Citation, Problem, Source } from '../client/wire.ts';

/** Why a question has no whole answer. */
export type Failure =
  | { kind: 'limited'; until: number }
  | { kind: 'away' | 'failed' | 'gone' | 'notAllowed' | 'stopped' }
  | { kind: 'said'; words: string };

/** What is being waited for, while a question has no answer yet. */
export type Waiting =
  | 'sending'
  | 'classifier'
  | 'retriever'
  | 'generator'
  | 'drafted'
  | 'rewriting'
  | 'reconnecting'
  | 'stopping'
  | 'waitingForNetwork';

/** A question and its answer. */
export interface Turn {
  id: string;
  conversation: string;
  asked: number;
  question: string;
  page: PageContext;
  /** Names this try to the gateway, which answers it once however often it is sent. */
  key: string;
  jobId: string | null;
  lastEvent: number;
  /** `null` when nothing more will come. */
  waiting: Waiting | null;
  text: string;
  /** Whether the text is a quotation that the answer will take the place of. */
  draft: boolean;
  outcome: string;
  language: string;
  sources: Source[];
  citations: Citation[];
  /** What the visitor is asked to choose from; a turn that an earlier release kept has none. */
  choices?: Choice[];
  /** What was asked next, a choice or not; until then it is open. */
  chosen?: string | null;
  failure: Failure | null;
  feedback: Feedback | null;
}

/** A question that nobody has answered yet. */
export function newTurn(conversation: string, question: string, page: PageContext, now: number): Turn {
  const id = `${now.toString(36).padStart(9, '0')}-${randomId()}`;
  return { id, conversation, asked: now, question, page, feedback: null, ...unansweredFields() };
}

/** The same question to be asked anew. */
export function retriedTurn(turn: Turn): Turn {
  return { ...turn, feedback: null, ...unansweredFields() };
}

/** The turn after one more event of its answer. */
export function applyEvent(turn: Turn, event: AnswerEvent, id: number | null): Turn {
  const next = { ...turn, lastEvent: id ?? turn.lastEvent };
  switch (event.type) {
    case 'accepted':
      return { ...next, jobId: event.jobId, text: '', draft: false, citations: [] };
    case 'stage':
      return { ...next, waiting: unlessStopping(turn, knownStage(event.name, turn.waiting ?? 'generator')) };
    case 'sources':
      return { ...next, sources: event.sources };
    case 'draft':
      return {
        ...next,
        text: event.text,
        draft: true,
        citations: event.citations,
        waiting: unlessStopping(turn, 'drafted'),
      };
    case 'delta':
      return { ...next, ...appendDelta(turn, event.text), draft: false, waiting: unlessStopping(turn, 'generator') };
    case 'citation':
      return { ...next, citations: [...turn.citations, event.citation] };
    case 'restart':
      return { ...next, text: '', draft: false, citations: [], waiting: 'rewriting' };
    case 'done':
      return { ...next, ...answerFields(event.answer, turn) };
    case 'error':
      return failedTurn(next, failureFrom(event.problem));
  }
}

/** The turn when nothing more will come, for this reason. */
export function failedTurn(turn: Turn, failure: Failure): Turn {
  return { ...turn, waiting: null, failure };
}

/** What a problem means to the visitor. */
export function failureFrom(problem: Problem): Failure {
  if (problem.status === 429) return { kind: 'limited', until: Date.now() + (problem.retryAfter ?? 30) * 1000 };
  if (problem.apology !== null) return { kind: 'said', words: problem.apology };
  if (problem.status === 404) return { kind: 'gone' };
  if (problem.status === 401 || problem.status === 403) return { kind: 'notAllowed' };
  return { kind: problem.status >= 502 ? 'away' : 'failed' };
}

/** Whether the visitor is still asked to choose. */
export function awaitsChoice({ choices = [], chosen = null }: Turn): boolean {
  return choices.length > 0 && chosen === null;
}

/** The passage that `[n]` of the answer stands for, once it is known. */
export function citedSource(turn: Turn, n: number): Source | null {
  const cited = turn.citations.find((citation) => citation.n === n);
  if (cited === undefined) return null;
  return turn.sources.find((source) => source.chunkId === cited.chunkId) ?? turn.sources[n - 1] ?? null;
}

/** A name that no one else has. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function unansweredFields() {
  return {
    key: randomId(),
    jobId: null,
    lastEvent: 0,
    waiting: 'sending' as const,
    text: '',
    draft: false,
    outcome: '',
    language: '',
    sources: [],
    citations: [],
    choices: [],
    chosen: null,
    failure: null,
  };
}

function answerFields(answer: Answer, turn: Turn): Partial<Turn> {
  return {
    jobId: answer.jobId === '' ? turn.jobId : answer.jobId,
    text: answer.text,
    draft: false,
    outcome: answer.outcome,
    language: answer.language,
    sources: answer.sources,
    citations: answer.citations.map((citation) => ({
      n: citation.n,
      chunkId: citation.chunkId === '' ? (answer.sources[citation.n - 1]?.chunkId ?? '') : citation.chunkId,
    })),
    choices: answer.choices,
    waiting: null,
    failure: answer.outcome === 'stopped' ? { kind: 'stopped' } : null,
  };
}

/** The text with what is told next; the answer's first words take the place of a draft. */
function appendDelta(turn: Turn, delta: string): Partial<Turn> {
  return turn.draft ? { text: delta, citations: [] } : { text: turn.text + delta };
}

function unlessStopping(turn: Turn, waiting: Waiting): Waiting {
  return turn.waiting === 'stopping' ? 'stopping' : waiting;
}

/** The stage to show: a stage that the widget has no words for changes nothing. */
function knownStage(name: string, fallback: Waiting): Waiting {
  return name === 'classifier' || name === 'retriever' || name === 'generator' ? name : fallback;
}
