import { interpolate, type Localization } from './localization.ts';
import { tile } from './tile.ts';
import type { Report } from './types.ts';

/** The totals of the period, each with a note. */
export function tiles(report: Report, localization: Localization): HTMLElement[] {
  const { totals, feedback } = report;
  const { tiles: messages } = localization.messages;
  const number = (value: number) => localization.number(value);
  const rated = feedback.up + feedback.down;
  const tokens = totals.prompt_tokens + totals.completion_tokens;
  const wanted = totals.answered + totals.unanswered + totals.failed;
  const share = (of: number, value: number) => (of > 0 ? localization.percent(value) : '–');
  return [
    tile(
      messages.questions,
      number(totals.questions),
      interpolate(messages.conversations, { count: number(totals.conversations) }),
    ),
    tile(
      messages.expected,
      share(wanted, totals.expected_rate),
      interpolate(messages.expectedNote, { count: number(totals.expected_right), of: number(wanted) }),
    ),
    tile(
      messages.answerRate,
      share(wanted, totals.answer_rate),
      totals.answered > 0
        ? interpolate(messages.answered, {
            count: number(totals.answered),
            of: number(wanted),
            confidence: localization.percent(totals.confidence),
          })
        : interpolate(messages.noneAnswered, { of: number(wanted) }),
    ),
    tile(
      messages.latency,
      totals.questions > 0 ? localization.duration(totals.p50_ms) : '–',
      interpolate(messages.latencyNote, { p95: localization.duration(totals.p95_ms) }),
    ),
    tile(
      messages.cache,
      share(totals.questions, totals.cache_hit_rate),
      interpolate(messages.cacheNote, { count: number(totals.cached) }),
    ),
    tile(
      messages.feedback,
      share(rated, feedback.up / Math.max(rated, 1)),
      rated > 0
        ? interpolate(messages.feedbackNote, { up: number(feedback.up), down: number(feedback.down) })
        : messages.noFeedback,
    ),
    tile(
      messages.cost,
      totals.priced > 0 ? localization.money(totals.cost_usd) : '–',
      interpolate(messages.costNote, { tokens: number(tokens) }) + (totals.priced > 0 ? '' : `, ${messages.noCost}`),
    ),
    tile(
      messages.trouble,
      number(totals.failed),
      interpolate(messages.troubleNote, { stopped: number(totals.stopped), limited: number(totals.rate_limited) }),
    ),
  ];
}
