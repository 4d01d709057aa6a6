import {
  ASPECTS,
  type OutcomeCounts,
  type Passage,
  type GroupChanges,
  type Job,
  type MeanEstimate,
  type DiffPiece,
  type Report,
} from '../../src/replay/types.ts';
import { SeededRandom } from './seeded-random.ts';

/** Dangerous if it were treated as markup. */
export const HOSTILE = '</script><img src=x onerror="document.title=\'owned\'"><b>bold</b> &amp;';

const TOPICS: [question: string, answer: string, product: string, intent: string][] = [
  [
    'Quên mật khẩu thì làm thế nào để lấy lại?',
    'Bạn mở trang đăng nhập và bấm Quên mật khẩu, rồi làm theo thư',
    'mail',
    'account',
  ],
  [
    'Gói Pro giá bao nhiêu một tháng?',
    'Gói Pro có giá 49.000 đồng mỗi người một tháng, trả theo năm thì rẻ hơn',
    'mail',
    'billing',
  ],
  [
    'Làm sao chia sẻ thư mục với người ngoài công ty?',
    'Bấm Chia sẻ, chọn Liên kết công khai và đặt ngày hết hạn',
    'drive',
    'how_to',
  ],
  [
    'Đồng bộ bị lỗi 403, sửa thế nào?',
    'Lỗi 403 nghĩa là tài khoản không còn quyền với thư mục; hãy hỏi người quản trị',
    'drive',
    'troubleshooting',
  ],
  [
    'Phòng họp chứa được tối đa bao nhiêu người?',
    'Một phòng họp chứa tối đa 250 người, gói Pro thì 500 người',
    'meet',
    'product_info',
  ],
  [
    'How do I restore a deleted file?',
    'Open the bin, choose the file and press Restore within thirty days',
    'drive',
    'how_to',
  ],
  [
    'Which plan is better for a team of ten?',
    'For ten people the Team plan costs less and has shared folders',
    'meet',
    'comparison',
  ],
];
const MORE = [
  'rồi chờ vài phút',
  'theo đúng từng bước',
  'trong phần Cài đặt',
  'như tài liệu đã nói',
  'và đăng nhập lại',
];
const HEADINGS = ['Bắt đầu', 'Giới hạn', 'Bảng giá', 'Khắc phục sự cố', 'Câu hỏi thường gặp'];

/** A report of synthetic traffic, reproducible from a seed. */
export function generateReport(jobs = 5000, seed = 7): Report {
  const random = new SeededRandom(seed);
  const generated = Array.from({ length: jobs }, (_, at) => generateJob(random, at)).sort(
    (a, b) => b.distance - a.distance,
  );
  const visible = generated.filter((job) => job.visible).length;
  const replayed = jobs * 4;
  const mean = (value: number): MeanEstimate => ({
    mean: value,
    low: value - 0.008,
    high: value + 0.008,
    of: replayed,
  });
  const lost = generated.filter(
    (job) => job.before.answer?.outcome === 'answered' && job.after.answer?.outcome !== 'answered',
  );
  return {
    format: 1,
    recording: 'november.jsonl.zst',
    release: '0.1.0',
    made: '2026-11-25T15:00:00Z',
    changed: ['retriever.depth=4', 'collection docs=20261101T000000Z', 'provider local'],
    baseline: { jobs: replayed, identical: replayed - 12, close: 12, different: 0 },
    traffic: { from: '2026-11-24T00:00:00Z', to: '2026-11-25T00:00:00Z', seconds: 86_400 },
    speed: { seconds: 240.5, jobs_per_second: 83.1, times_real: 359, read_per_second: 41_000, jobs_at_once: 4 },
    versions: {
      classifier: { before: { '5f1c0a77e2': replayed }, after: '5f1c0a77e2' },
      retriever: { before: { ab12cd34ef: replayed - 40, '90aa17bc22': 40 }, after: 'de56fa78b9' },
      generator: { before: { '77aa31bc09': replayed }, after: '77aa31bc09' },
    },
    summary: {
      jobs: replayed + 13,
      replayed,
      incomplete: 3,
      stopped: 5,
      failed_before: 5,
      canary: 3,
      same: replayed - jobs,
      inside: jobs - visible,
      visible,
      needs_model: generated.filter((job) => job.problem).length,
      failed: 0,
      first: counts(generated, (job) => [job.first]),
      aspects: counts(generated, (job) => job.aspects),
      overlap_at_8: mean(0.93),
      meaning: mean(0.972),
      agreement: { intent: 0.999, product: 1, outcome: 0.99, citations: 0.97, answer: 0.96 },
      answered: {
        before: 0.95,
        after: 0.93,
        gained: generated.filter((job) => job.before.answer?.outcome === 'unanswered').length,
        lost: lost.length,
        difference: { mean: -0.02, low: -0.025, high: -0.016, of: replayed },
        p: 0.002,
      },
      confidence: { before: 0.71, after: 0.7 },
      cost_usd: { before: 1.2, after: 1.1, known: replayed - 100 },
      worked_ms: {
        classifier: { before: { p50: 12, p95: 30 }, after: { p50: 12, p95: 31 } },
        retriever: { before: { p50: 41, p95: 96 }, after: { p50: 28, p95: 61 } },
        generator: { before: { p50: 900, p95: 2400 }, after: { p50: 3, p95: 8 } },
      },
      gone: {
        pages: [
          {
            ...REMOVED_DOCUMENT,
            cited: outcomeCounts(generated, true),
            found: { ...outcomeCounts(generated, false), jobs: outcomeCounts(generated, false).jobs + 40, same: 40 },
          },
        ],
        others: { jobs: replayed - jobs, visible: 0, inside: 0, same: replayed - jobs, unknown: 0 },
      },
      overlaps: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((of): [number, number] => [
        of / 8,
        of === 8 ? replayed - jobs : of * of * 9 + 12,
      ]),
      intents: groups(generated, (job) => job.before.intent?.name ?? ''),
      products: groups(generated, (job) => job.before.product ?? ''),
      gold: {
        jobs: 200,
        better: 12,
        worse: 5,
        same: 183,
        before: 0.8,
        after: 0.835,
        difference: { mean: 0.035, low: 0.001, high: 0.069, of: 200 },
        p: 0.04,
      },
      feedback: { up: { jobs: 40, changed: 3 }, down: { jobs: 12, changed: 6 } },
    },
    fail_if: {
      rule: 'overlap@8 < 0.8 or answered < 0.95',
      failed: true,
      values: { 'overlap@8': 0.93, answered: 0.93 },
    },
    fault: null,
    worst: generated.slice(0, 50).map((job) => job.job),
    shown: jobs,
    differing: jobs * 2,
    jobs: generated,
  };
}

/** A report in which nothing differs. */
export function unchangedReport(): Report {
  const report = generateReport(10);
  const { summary } = report;
  Object.assign(summary, { visible: 0, inside: 0, same: summary.replayed, needs_model: 0, first: {}, aspects: {} });
  Object.assign(summary, {
    intents: [],
    products: [],
    overlaps: [],
    overlap_at_8: null,
    meaning: null,
    gold: null,
    gone: null,
    feedback: null,
  });
  Object.assign(summary.answered, {
    after: 0.95,
    gained: 0,
    lost: 0,
    difference: { mean: 0, low: 0, high: 0, of: 40 },
    p: 1,
  });
  summary.confidence.after = summary.confidence.before;
  return { ...report, changed: [], baseline: null, fail_if: null, worst: [], shown: 0, differing: 0, jobs: [] };
}

/** A report in which every job failed. */
export function failedReport(): Report {
  const report = unchangedReport();
  const { summary } = report;
  const nothing = { before: 0, after: 0 };
  Object.assign(summary, { same: 0, failed: summary.replayed, agreement: {}, confidence: nothing });
  Object.assign(summary.cost_usd, { ...nothing, known: 0 });
  Object.assign(summary.answered, { ...nothing, difference: { mean: 0, low: 0, high: 0, of: 0 } });
  return report;
}

/** A report in which every text is hostile. */
export function hostileReport(): Report {
  const kept = ['job', 'time', 'made', 'from', 'to', 'side'];
  const hostile = (key: string, value: unknown) => {
    if (typeof value !== 'string' || kept.includes(key)) return value;
    return key === 'url' || key === 'page' ? 'javascript:alert(1)' : HOSTILE;
  };
  return JSON.parse(JSON.stringify(generateReport(20)), hostile) as Report;
}

function generateJob(random: SeededRandom, at: number): Job {
  const [question, words, product, intent] = random.pick(TOPICS);
  const first = random.pick(['retriever', 'retriever', 'retriever', 'generator', 'classifier']);
  const visible = random.chance(0.35);
  const ended = visible && random.chance(0.12) ? random.pick(['lost', 'lost', 'lost', 'gained']) : 'kept';
  const needsModel = visible && random.chance(0.03);
  const number = random.integer(100_000);
  const job = `0193${String(at).padStart(4, '0')}-${String(number).padStart(5, '0')}`;
  const found = passages(random, product);
  const again = first === 'generator' ? found : reranked(random, found, product);
  const cited = found.slice(0, 2).map(({ chunk }) => chunk);
  const before = `${words} ${random.pick(MORE)}. Chi tiết ở mục ${String(number % 40)}.`;
  const after = visible ? `${words} ${random.pick(MORE)}. Xem thêm mục ${String(number % 37)} nhé.` : before;
  const none = 'Xin lỗi, tôi không tìm thấy câu trả lời trong tài liệu.';
  const answer = (text: string, answered: boolean, cites: string[]) => ({
    outcome: answered ? 'answered' : 'unanswered',
    text: answered ? text : none,
    cited: answered ? cites : [],
    confidence: answered ? 0.6 + random.next() * 0.35 : 0.2,
    provider: answered ? 'local' : null,
    cost_usd: answered ? 0.0001 + random.next() * 0.0004 : null,
  });
  const answerBefore = answer(before, ended !== 'gained', cited);
  const answerAfter = needsModel
    ? null
    : answer(
        after,
        ended !== 'lost',
        again.slice(0, 2).map(({ chunk }) => chunk),
      );
  const overlap = again.filter((passage) => found.includes(passage)).length / 8;
  return {
    job,
    time: new Date(Date.UTC(2026, 10, 24) + random.integer(86_400) * 1000).toISOString(),
    question,
    page: `https://www.diecxam.example/vi/${product}/h%E1%BB%97-tr%E1%BB%A3.html`,
    session: `s-${String(number)}`,
    language: /^[A-Z][a-z]+ (do|plan)/.test(question) ? 'en' : 'vi',
    first,
    aspects: ASPECTS.filter((aspect) => differs(aspect, { first, visible, ended, random })),
    visible,
    problem: needsModel
      ? { code: 'needs_model', what: 'The prompt changed, and no recorded words of a model fit it.' }
      : null,
    overlap,
    meaning: answerAfter && ended === 'kept' ? 0.8 + random.next() * 0.2 : null,
    distance: (visible ? 1 : 0) + (ended === 'kept' ? 0 : 2) + (1 - overlap) + random.next() / 10,
    text: answerAfter ? pieces(answerBefore.text, answerAfter.text) : [],
    gone: removedDocuments(at),
    judged: random.chance(0.02) ? random.pick(['better', 'worse', 'same']) : null,
    before: {
      intent: { name: intent, confidence: 0.91 },
      product,
      queries: [
        ['asked', question],
        ['restored', question],
      ],
      passages: found,
      answer: answerBefore,
      worked_ms: [
        ['classifier', 12],
        ['retriever', 30 + random.integer(60)],
        ['generator', 600 + random.integer(2000)],
      ],
    },
    after: {
      intent: { name: first === 'classifier' ? 'unknown' : intent, confidence: 0.88 },
      product,
      queries: [['asked', question]],
      passages: again,
      answer: answerAfter,
      worked_ms: [
        ['classifier', 12],
        ['retriever', 20 + random.integer(40)],
        ['generator', 4],
      ],
    },
  };
}

function differs(
  aspect: string,
  { first, visible, ended, random }: { first: string; visible: boolean; ended: string; random: SeededRandom },
): boolean {
  if (aspect === 'outcome') return ended !== 'kept';
  if (aspect === 'answer') return visible;
  if (aspect === 'citations') return visible && random.chance(0.6);
  if (aspect === 'passages') return first !== 'generator';
  if (aspect === 'intent') return first === 'classifier';
  return aspect === 'confidence' && random.chance(0.5);
}

function passages(random: SeededRandom, product: string): Passage[] {
  return Array.from({ length: 8 }, (_, at) => passage(random, product, 0.95 - at * 0.04));
}

function passage(random: SeededRandom, product: string, score: number): Passage {
  const number = random.integer(9999);
  return {
    chunk: `docs:${product}-${String(number)}`,
    collection: 'docs',
    title: `Trợ giúp ${product}, trang ${String(number)}`,
    headings: [random.pick(HEADINGS), `Mục ${String(number % 12)}`],
    url: `https://www.diecxam.example/vi/${product}/trang-${String(number)}.html`,
    source: `vi/${product}/trang-${String(number)}.html`,
    score,
  };
}

/** The same passages with some replaced and two in another order. */
function reranked(random: SeededRandom, found: Passage[], product: string): Passage[] {
  const again = found.map((old) => (random.chance(0.25) ? passage(random, product, old.score) : old));
  const at = random.integer(6);
  return [...again.slice(0, at), ...again.slice(at, at + 3).reverse(), ...again.slice(at + 3)];
}

/** A diff of two texts after their common prefix. */
function pieces(before: string, after: string): DiffPiece[] {
  const [oldWords, newWords] = [before.split(/(?<= )/), after.split(/(?<= )/)];
  let head = 0;
  while (head < Math.min(oldWords.length, newWords.length) && oldWords[head] === newWords[head]) head += 1;
  const all: DiffPiece[] = [
    { side: 'both', text: oldWords.slice(0, head).join('') },
    { side: 'before', text: oldWords.slice(head).join('') },
    { side: 'after', text: newWords.slice(head).join('') },
  ];
  return all.filter(({ text }) => text !== '');
}

/** A removed document: every 50th job cited it, every 20th found it. */
const REMOVED_DOCUMENT = {
  collection: 'docs',
  source: 'vi/mail/cu.html',
  url: 'https://www.diecxam.example/vi/mail/cu.html',
};

function removedDocuments(at: number): Job['gone'] {
  return at % 50 === 0 || at % 20 === 0 ? [{ ...REMOVED_DOCUMENT, cited: at % 50 === 0 }] : [];
}

function outcomeCounts(jobs: Job[], cited: boolean): OutcomeCounts {
  const of = jobs.filter((job) => job.gone.some((page) => page.cited === cited));
  const visible = of.filter((job) => job.visible).length;
  return { jobs: of.length, visible, inside: of.length - visible, same: 0, unknown: 0 };
}

function counts(jobs: Job[], of: (job: Job) => string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of jobs.flatMap(of)) found[name] = (found[name] ?? 0) + 1;
  return found;
}

function groups(jobs: Job[], of: (job: Job) => string): GroupChanges[] {
  const all = Object.entries(counts(jobs, (job) => [of(job)])).map(([name, count]): GroupChanges => {
    const visible = jobs.filter((job) => of(job) === name && job.visible).length;
    return { name, jobs: count * 4, visible, inside: count - visible, overlap: 0.9 };
  });
  return all.sort((a, b) => b.visible - a.visible);
}
