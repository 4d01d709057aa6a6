/** Types of the gateway's responses, and parsers that validate each field. */

/** A passage that an answer is based on. */
export interface Source {
  title: string;
  url: string | null;
  headings: string[];
  content: string;
  chunkId: string;
}

/** `[n]` in an answer, and the passage it stands for. */
export interface Citation {
  n: number;
  chunkId: string;
}

/** A choice for an ambiguous question, and the completed question. */
export interface Choice {
  label: string;
  question: string;
}

/** A complete answer. */
export interface Answer {
  jobId: string;
  text: string;
  outcome: string;
  language: string;
  sources: Source[];
  citations: Citation[];
  choices: Choice[];
}

/** Why a request failed, in the form of RFC 9457. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  retryable: boolean;
  retryAfter: number | null;
  apology: string | null;
  jobId: string | null;
}

/** An event of an answer's stream. */
export type AnswerEvent =
  | { type: 'accepted'; jobId: string }
  | { type: 'stage'; name: string }
  | { type: 'sources'; sources: Source[] }
  | { type: 'draft'; text: string; citations: Citation[] }
  | { type: 'delta'; text: string }
  | { type: 'citation'; citation: Citation }
  | { type: 'restart' }
  | { type: 'done'; answer: Answer }
  | { type: 'error'; problem: Problem };

type JsonObject = Record<string, unknown>;

function toObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function toTextOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function toList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The URL if it is http or https; links to others are not allowed. */
export function toHttpUrl(value: unknown): string | null {
  if (typeof value !== 'string' || !URL.canParse(value)) return null;
  const url = new URL(value);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
}

function readSource(value: unknown): Source {
  const source = toObject(value);
  const metadata = toObject(source.metadata);
  return {
    title: toText(metadata.title),
    url: toHttpUrl(metadata.url),
    headings: toList(metadata.heading_path).map(toText).filter(Boolean),
    content: toText(source.content),
    chunkId: toText(metadata.chunk_id),
  };
}

function readCitation(value: unknown): Citation {
  const citation = toObject(value);
  return { n: typeof citation.n === 'number' ? citation.n : 0, chunkId: toText(citation.chunk_id) };
}

function readChoice(value: unknown): Choice {
  const choice = toObject(value);
  return { label: toText(choice.label), question: toText(choice.question) };
}

/** A `ChatResponse`. */
export function readAnswer(value: unknown): Answer {
  const answer = toObject(value);
  return {
    jobId: toText(answer.job_id),
    text: toText(answer.response),
    outcome: toText(answer.outcome),
    language: toText(answer.language),
    sources: toList(answer.sources).map(readSource),
    citations: toList(answer.citations).map(readCitation),
    choices: toList(answer.choices)
      .map(readChoice)
      .filter(({ label, question }) => label !== '' && question !== ''),
  };
}

/** A problem, with the seconds of its `Retry-After` header where there is one. */
export function readProblem(value: unknown, status: number, retryAfter: string | null = null): Problem {
  const problem = toObject(value);
  const seconds = retryAfter === null ? NaN : Number(retryAfter);
  return {
    status: typeof problem.status === 'number' ? problem.status : status,
    code: toText(problem.code),
    detail: toText(problem.detail) || toText(problem.title),
    retryable: problem.retryable === true,
    retryAfter: Number.isFinite(seconds) && seconds >= 0 ? Math.min(Math.ceil(seconds), 3600) : null,
    apology: toTextOrNull(problem.apology),
    jobId: toTextOrNull(problem.job_id),
  };
}

/** The event of this name, or `null` if it is unknown. */
export function readEvent(name: string, data: unknown): AnswerEvent | null {
  const event = toObject(data);
  switch (name) {
    case 'accepted':
      return { type: 'accepted', jobId: toText(event.job_id) };
    case 'stage':
      return { type: 'stage', name: toText(event.name) };
    case 'sources':
      return { type: 'sources', sources: toList(Array.isArray(data) ? data : event.sources).map(readSource) };
    case 'draft':
      return { type: 'draft', text: toText(event.text), citations: toList(event.citations).map(readCitation) };
    case 'delta':
      return { type: 'delta', text: toText(event.text) };
    case 'citation':
      return { type: 'citation', citation: readCitation(data) };
    case 'restart':
      return { type: 'restart' };
    case 'done':
      return { type: 'done', answer: readAnswer(data) };
    case 'error':
      return { type: 'error', problem: readProblem(event.problem, 500) };
    default:
      return null;
  }
}
