import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

import { en } from './en.ts';
import { vi } from './vi.ts';

const schema = new URL('../../../../../schemas/chat_event.json', import.meta.url);
const { properties } = JSON.parse(await readFile(schema, 'utf8')) as {
  properties: { outcome: { description: string } };
};
const outcomes = [...properties.outcome.description.matchAll(/`(\w+)`/g)].map(([, name]) => name);

describe('the outcomes of chats', () => {
  it('are listed in the schema', () => {
    expect(outcomes).toEqual(expect.arrayContaining(['answered', 'asked_back', 'failed']));
  });

  it.each(Object.entries({ en, vi }))('have a label each in %s', (_language, words) => {
    expect(Object.keys(words.outcomes).sort()).toEqual([...outcomes].sort());
  });
});
