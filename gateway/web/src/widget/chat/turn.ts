import type { PageContext } from '../page/context.ts';
import type { Feedback } from '../client/api.ts';
import type { Answer, AnswerEvent, Choice, Citation, Problem, Source } from '../client/wire.ts';

/** Why a question has no complete answer. */
export type Failure =
  | { kind: 'limited'; until: number }
  | { kind: 'away' | 'failed' | 'gone' | 'notAllowed' | 'stopped' }
  | { kind: 'said'; words: string };

/** What a turn without a complete answer is waiting for. */
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
  /** The idempotency key: the gateway answers it once, however often it is sent. */
  key: string;
  jobId: string | null;
  lastEvent: number;
  /** `null` when nothing more will come. */
  waiting: Waiting | null;
  text: string;
  /** Whether the text is a draft, which the answer will replace. */
  draft: boolean;
  outcome: string;
  language: string;
  sources: Source[];
  citations: Citation[];
  /** The choices offered; missing in turns stored by an earlier release. */
  choices?: Choice[];
  /** The question asked next, whether a choice or not; `null` until then. */
  chosen?: string | null;
  failure: Failure | null;
  feedback: Feedback | null;
}

/** A new, unanswered question. */
export function newTurn(conversation: string, question: string, page: PageContext, now: number): Turn {
  const id = `${now.toString(36).padStart(9, '0')}-${randomId()}`;
  return { id, conversation, asked: now, question, page, feedback: null, ...unansweredFields() };
}

/** The same question, to be asked again. */
export function retriedTurn(turn: Turn): Turn {
  return { ...turn, feedback: null, ...unansweredFields() };
}

/** The turn after an event of its answer. */
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
      return { ...next, text: '', draft: false, citations: [], waiting: unlessStopping(turn, 'rewriting') };
    case 'done':
      return { ...next, ...answerFields(event.answer, turn) };
    case 'error':
      return failedTurn(next, failureFrom(event.problem));
  }
}

/** What to show of a turn that another tab has stored: never less of the answer than this tab shows. */
export function mergeStored(shown: Turn | undefined, stored: Turn): Turn {
  if (shown?.key !== stored.key || stored.waiting === null) return stored;
  if (shown.waiting === null) return shown;
  const newer = stored.lastEvent >= shown.lastEvent ? stored : shown;
  const stopping = shown.waiting === 'stopping' || stored.waiting === 'stopping';
  return stopping ? { ...newer, waiting: 'stopping' } : newer;
}

/** The turn ended with this failure. */
export function failedTurn(turn: Turn, failure: Failure): Turn {
  return { ...turn, waiting: null, failure };
}

/** The failure that a problem means for the visitor. */
export function failureFrom(problem: Problem): Failure {
  if (problem.status === 429) return { kind: 'limited', until: Date.now() + (problem.retryAfter ?? 30) * 1000 };
  if (problem.apology !== null) return { kind: 'said', words: problem.apology };
  if (problem.status === 404) return { kind: 'gone' };
  if (problem.status === 401 || problem.status === 403) return { kind: 'notAllowed' };
  return { kind: problem.status >= 502 ? 'away' : 'failed' };
}

/** Whether the visitor still has to choose. */
export function awaitsChoice({ choices = [], chosen = null }: Turn): boolean {
  return choices.length > 0 && chosen === null;
}

/** The passage that `[n]` of the answer stands for, once it is known. */
export function citedSource(turn: Turn, n: number): Source | null {
  const cited = turn.citations.find((citation) => citation.n === n);
  if (cited === undefined) return null;
  return turn.sources.find((source) => source.chunkId === cited.chunkId) ?? turn.sources[n - 1] ?? null;
}

/** A random id. */
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

/** Appends a delta; the first one replaces a draft. */
function appendDelta(turn: Turn, delta: string): Partial<Turn> {
  return turn.draft ? { text: delta, citations: [] } : { text: turn.text + delta };
}

function unlessStopping(turn: Turn, waiting: Waiting): Waiting {
  return turn.waiting === 'stopping' ? 'stopping' : waiting;
}

/** The stage to show; a stage without a text in the widget is ignored. */
function knownStage(name: string, fallback: Waiting): Waiting {
  return name === 'classifier' || name === 'retriever' || name === 'generator' ? name : fallback;
}
