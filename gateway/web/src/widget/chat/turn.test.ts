import { describe, expect, it } from 'vitest';

import { applyEvent, failedTurn, mergeStored, newTurn, retriedTurn, type Turn } from './turn.ts';
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

describe('a turn that is being stopped', () => {
  it('stays so when the answer restarts', () => {
    const stopping: Turn = { ...after(DRAFT), waiting: 'stopping' };
    expect(applyEvent(stopping, { type: 'restart' }, 2)).toMatchObject({ waiting: 'stopping', text: '' });
  });
});

describe('a turn that another tab has stored', () => {
  const [first, second]: AnswerEvent[] = [
    { type: 'delta', text: 'Gói Pro ' },
    { type: 'delta', text: 'giá 39.000 đ.' },
  ];
  const asked = after({ type: 'accepted', jobId: 'j' });
  const early = applyEvent(asked, first ?? DRAFT, 2);
  const late = applyEvent(early, second ?? DRAFT, 3);
  const ended = failedTurn(late, { kind: 'stopped' });

  it('is shown where it has more of the answer, or all of it', () => {
    expect(mergeStored(undefined, early)).toBe(early);
    expect(mergeStored(early, late)).toBe(late);
    expect(mergeStored(late, { ...ended, lastEvent: 2 })).toMatchObject({ waiting: null });
    expect(mergeStored(ended, retriedTurn(ended))).toMatchObject({ waiting: 'sending' });
  });

  it('takes nothing of the answer away', () => {
    expect(mergeStored(late, early)).toBe(late);
    expect(mergeStored(ended, early)).toBe(ended);
  });

  it('is being stopped if either tab stops it', () => {
    expect(mergeStored(late, { ...early, waiting: 'stopping' })).toEqual({ ...late, waiting: 'stopping' });
    expect(mergeStored({ ...early, waiting: 'stopping' }, late)).toEqual({ ...late, waiting: 'stopping' });
  });
});
