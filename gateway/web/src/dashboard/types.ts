/** The gateway's responses; see `schemas/openapi.json`. */
export interface Report {
  period: { from: string; to: string; bucket: 'hour' | 'day' };
  totals: Totals;
  timeline: Bucket[];
  stages: StageTime[];
  outcomes: Count[];
  intents: Count[];
  products: Count[];
  languages: Count[];
  expected_by_language: ExpectedAnswers[];
  expected_by_version: (ExpectedAnswers & { stage: string; first: string; last: string })[];
  rated: Reliability;
  labelled: Reliability;
  evaluations: Evaluation[];
  gaps: Gap[];
  pages: PageCount[];
  feedback: { up: number; down: number; reasons: Count[]; comments: Comment[] };
  providers: Provider[];
  freshness: Freshness;
  live: Live | null;
  canaries: Canary[];
  choices: { products: { id: string; name: string }[]; locales: string[] };
}

export interface Totals {
  questions: number;
  conversations: number;
  answered: number;
  answer_rate: number;
  expected_right: number;
  expected_rate: number;
  unanswered: number;
  failed: number;
  stopped: number;
  rate_limited: number;
  confidence: number;
  cached: number;
  cache_hit_rate: number;
  p50_ms: number;
  p95_ms: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number;
  priced: number;
}

export interface Bucket {
  start: string;
  questions: number;
  conversations: number;
  answered: number;
  cached: number;
  unanswered: number;
  failed: number;
  confidence: number | null;
  expected_right: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface StageTime {
  stage: string;
  count: number;
  waited_p50_ms: number;
  waited_p95_ms: number;
  worked_p50_ms: number;
  worked_p95_ms: number;
}

export interface Count {
  name: string;
  count: number;
}

/** The expected number of right answers: the sum of the confidences. */
export interface ExpectedAnswers {
  name: string;
  wanted: number;
  answered: number;
  expected_right: number;
  up: number;
  down: number;
}

/** How well calibrated the confidence of answers was. */
export interface Reliability {
  answers: number;
  right: number;
  expected_right: number;
  error: number | null;
  error_by_chance: number | null;
  bins: ConfidenceBin[];
}

export interface ConfidenceBin {
  name: string;
  from: number;
  to: number;
  answers: number;
  confidence: number;
  right: number;
}

/** An evaluation with labelled questions. */
export interface Evaluation {
  name: string;
  at: string;
  questions: number;
  answerable: number;
  answered: number;
  right: number;
  expected_right: number;
  error: number | null;
  error_by_chance: number | null;
  generator: string;
}

export interface Gap {
  question: string;
  asked: number;
  unanswered: number;
  low_confidence: number;
  thumbs_down: number;
  failed: number;
  product: string;
  language: string;
  session_id: string;
  last: string;
}

export interface PageCount {
  url: string;
  cited: number;
  up: number;
  down: number;
}

export interface Comment {
  at: string;
  rating: string;
  reason: string;
  comment: string;
  question: string;
  session_id: string;
}

export interface Provider {
  provider: string;
  answers: number;
  calls: number;
  failures: number;
  p95_ms: number;
  cost_usd: number;
}

export interface Freshness {
  newest: string | null;
  waiting: number | null;
  as_of: string | null;
  age_seconds: number | null;
}

export interface Live {
  stages: { stage: string; pending: number; in_flight: number; redelivered: number }[];
  dead_letters: { stage: string; count: number }[];
}

/** A process that serves a share of the sessions beside a stage. */
export interface Canary {
  stage: string;
  id: string;
  share: number;
  state: 'serving' | 'away' | 'stepped_back';
  reason: CanaryReason | null;
  since: string;
  changes: string[];
  release: string;
  canary: CanarySide;
  stable: CanarySide;
}

/** Why a canary stepped back: failures, or jobs slower than `over_ms`. */
export interface CanaryReason {
  over_ms: number | null;
  canary: { count: number; of: number };
  stable: { count: number; of: number };
}

export interface CanarySide {
  jobs: number;
  errors: number;
  median_ms: number | null;
  p95_ms: number | null;
}

export interface ConversationRow {
  session_id: string;
  first: string;
  last: string;
  questions: number;
  unanswered: number;
  failed: number;
  up: number;
  down: number;
  question: string;
  outcome: string;
  product: string;
  language: string;
}

export interface ConversationPage {
  conversations: ConversationRow[];
  next: string | null;
}

export interface Conversation {
  session_id: string;
  questions: ConversationQuestion[];
}

export interface ConversationQuestion {
  job_id: string;
  at: string;
  question: string;
  answer: string;
  page: string;
  outcome: string;
  problem: string | null;
  intent: string;
  product: string | null;
  language: string;
  confidence: number;
  took_ms: number;
  stages: { stage: string; waited_ms: number; worked_ms: number; delivery: number }[];
  provider: string | null;
  model: string | null;
  calls: { provider: string; took_ms: number; error: string | null }[];
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number | null;
  sources: string[];
  versions: Record<string, string>;
  feedback: { rating: string; reason: string; comment: string } | null;
}
