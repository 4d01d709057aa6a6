import { fill, type Speech } from './localization.ts';
import { tile } from './tile.ts';
import type { Report } from './types.ts';

/** The sums of the period, each with a note. */
export function tiles(report: Report, speech: Speech): HTMLElement[] {
  const { totals, feedback } = report;
  const { tiles: words } = speech.words;
  const number = (value: number) => speech.number(value);
  const rated = feedback.up + feedback.down;
  const tokens = totals.prompt_tokens + totals.completion_tokens;
  const wanted = totals.answered + totals.unanswered + totals.failed;
  const share = (of: number, value: number) => (of > 0 ? speech.percent(value) : '–');
  return [
    tile(words.questions, number(totals.questions), fill(words.conversations, { count: number(totals.conversations) })),
    tile(
      words.expected,
      share(wanted, totals.expected_rate),
      fill(words.expectedNote, { count: number(totals.expected_right), of: number(wanted) }),
    ),
    tile(
      words.answerRate,
      share(wanted, totals.answer_rate),
      totals.answered > 0
        ? fill(words.answered, {
            count: number(totals.answered),
            of: number(wanted),
            confidence: speech.percent(totals.confidence),
          })
        : fill(words.noneAnswered, { of: number(wanted) }),
    ),
    tile(
      words.latency,
      totals.questions > 0 ? speech.span(totals.p50_ms) : '–',
      fill(words.latencyNote, { p95: speech.span(totals.p95_ms) }),
    ),
    tile(
      words.cache,
      share(totals.questions, totals.cache_hit_rate),
      fill(words.cacheNote, { count: number(totals.cached) }),
    ),
    tile(
      words.feedback,
      share(rated, feedback.up / Math.max(rated, 1)),
      rated > 0 ? fill(words.feedbackNote, { up: number(feedback.up), down: number(feedback.down) }) : words.noFeedback,
    ),
    tile(
      words.cost,
      totals.priced > 0 ? speech.money(totals.cost_usd) : '–',
      fill(words.costNote, { tokens: number(tokens) }) + (totals.priced > 0 ? '' : `, ${words.noCost}`),
    ),
    tile(
      words.trouble,
      number(totals.failed),
      fill(words.troubleNote, { stopped: number(totals.stopped), limited: number(totals.rate_limited) }),
    ),
  ];
}
