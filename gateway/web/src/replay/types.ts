/** A replay's report, as `hoidap-worker replay` writes it into the page. */
export interface Report {
  format: number;
  recording: string;
  release: string;
  made: string;
  /** The settings that differ from the recording. */
  changed: string[];
  /** The unchanged replay that was run first. */
  baseline: Baseline | null;
  traffic: { from: string; to: string; seconds: number };
  /** `null` for a shadow, which runs alongside the traffic. */
  speed: Speed | null;
  versions: Record<string, { before: Record<string, number>; after: string }>;
  summary: Summary;
  fail_if: FailIf | null;
  /** Why the recording could not be read to the end. */
  fault: string | null;
  /** The worst jobs' ids, worst first. */
  worst: string[];
  /** How many jobs are in `jobs` (the worst ones), and how many differ in total. */
  shown: number;
  differing: number;
  jobs: Job[];
}

export interface Baseline {
  jobs: number;
  identical: number;
  close: number;
  different: number;
}

export interface Speed {
  seconds: number;
  jobs_per_second: number;
  times_real: number;
  read_per_second: number;
  jobs_at_once: number;
}

export interface FailIf {
  rule: string;
  failed: boolean;
  values: Record<string, number | null>;
}

export const STAGES = [
  // stages: begin names
  'classifier',
  'retriever',
  'reranker',
  'generator',
  // stages: end names
] as const;
export type Stage = (typeof STAGES)[number];

export const ASPECTS = [
  'intent',
  'product',
  'queries',
  'passages',
  'outcome',
  'cited_lost',
  'citations',
  'answer',
  'confidence',
] as const;
export type Aspect = (typeof ASPECTS)[number];

/** A mean with its 95 % interval. */
export interface MeanEstimate {
  mean: number;
  low: number;
  high: number;
  of: number;
}

export interface BeforeAfter<T> {
  before: T;
  after: T;
}

export interface Percentiles {
  p50: number;
  p95: number;
}

export interface GroupChanges {
  name: string;
  jobs: number;
  visible: number;
  inside: number;
  overlap: number | null;
}

export interface GoldComparison extends BeforeAfter<number> {
  jobs: number;
  better: number;
  worse: number;
  same: number;
  difference: MeanEstimate;
  p: number;
}

export interface RatingChanges {
  jobs: number;
  changed: number;
}

export interface Summary {
  jobs: number;
  replayed: number;
  incomplete: number;
  stopped: number;
  failed_before: number;
  canary: number;
  same: number;
  inside: number;
  visible: number;
  needs_model: number;
  failed: number;
  first: Record<string, number>;
  aspects: Record<string, number>;
  overlap_at_8: MeanEstimate | null;
  meaning: MeanEstimate | null;
  /** Of the jobs in which an aspect was compared, the share that agrees; absent where it was compared in none. */
  agreement: Record<string, number | null>;
  answered: BeforeAfter<number> & { gained: number; lost: number; difference: MeanEstimate; p: number };
  confidence: BeforeAfter<number>;
  cost_usd: BeforeAfter<number> & { known: number };
  worked_ms: Record<string, BeforeAfter<Percentiles>>;
  /** Documents that recorded jobs found and that have since been removed. */
  gone: { pages: RemovedDocument[]; others: OutcomeCounts } | null;
  overlaps: [number, number][];
  intents: GroupChanges[];
  products: GroupChanges[];
  gold: GoldComparison | null;
  feedback: { up: RatingChanges; down: RatingChanges } | null;
}

/** The outcomes of jobs. */
export interface OutcomeCounts {
  jobs: number;
  visible: number;
  inside: number;
  same: number;
  unknown: number;
}

export interface RemovedDocument {
  collection: string;
  source: string;
  url: string;
  cited: OutcomeCounts;
  found: OutcomeCounts;
}

/** A job that differs. */
export interface Job {
  job: string;
  time: string;
  question: string;
  page: string;
  session: string;
  language: string;
  first: string;
  aspects: string[];
  visible: boolean;
  problem: { code: string; what: string } | null;
  overlap: number | null;
  meaning: number | null;
  distance: number;
  text: DiffPiece[];
  /** The removed documents that it found. */
  gone: { collection: string; source: string; url: string; cited: boolean }[];
  judged: Judgement | null;
  before: Side;
  after: Side;
}

export type Judgement = 'better' | 'same' | 'worse';

export interface DiffPiece {
  side: 'both' | 'before' | 'after';
  text: string;
}

export interface Side {
  intent: { name: string; confidence: number } | null;
  product: string | null;
  /** The kind and the text of each query. */
  queries: [string, string][];
  passages: Passage[];
  answer: RecordedAnswer | null;
  worked_ms: [string, number][];
}

export interface Passage {
  chunk: string;
  collection: string;
  title: string;
  headings: string[];
  url: string;
  source: string;
  score: number;
}

export interface RecordedAnswer {
  outcome: string;
  text: string;
  cited: string[];
  confidence: number;
  provider: string | null;
  cost_usd: number | null;
}
