import { describe, expect, it } from 'vitest';

import { applyEvent, newTurn, type Turn } from './turn.ts';
import type { AnswerEvent } from '../client/wire.ts';

const DRAFT: AnswerEvent = { type: 'draft', text: 'Giá: 39.000 đ [1]', citations: [{ n: 1, chunkId: 'c' }] };

function after(...events: AnswerEvent[]): Turn {
  const page = { url: 'https://www.example.com/', title: '' };
  return events.reduce((turn, event, at) => applyEvent(turn, event, at + 1), newTurn('k', 'Giá bao nhiêu?', page, 0));
}

describe('a draft', () => {
  it('stands with its citations while the answer is written', () => {
    const turn = after({ type: 'accepted', jobId: 'j' }, DRAFT);
    expect(turn).toMatchObject({ text: 'Giá: 39.000 đ [1]', citations: [{ n: 1, chunkId: 'c' }], waiting: 'drafted' });
  });

  it("gives way to the answer's first words, which then go on", () => {
    const turn = after(DRAFT, { type: 'delta', text: 'Gói Pro ' }, { type: 'delta', text: 'giá 39.000 đ.' });
    expect(turn).toMatchObject({ text: 'Gói Pro giá 39.000 đ.', citations: [], draft: false, waiting: 'generator' });
  });

  it('is discarded when the answer restarts', () => {
    expect(after(DRAFT, { type: 'restart' })).toMatchObject({ text: '', draft: false, citations: [] });
  });
});
