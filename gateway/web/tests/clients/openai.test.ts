// OpenAI's own JavaScript client against a running gateway, unchanged but for its address.
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';

const url = process.env.HOIDAP_TEST_URL;
if (url === undefined) throw new Error('HOIDAP_TEST_URL is not set: run ./dev test');
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const messages = [
  { role: 'system', content: 'You are a pirate.' },
  { role: 'user', content: 'Hạn mức gửi thư mỗi ngày của Diệc Mail được tính thế nào?' },
] as const;
const metadata = { url: 'https://www.diecxam.example/vi/mail/gioi-han.html', product: 'mail' };

describe('the official client', () => {
  it('gets a completion', async () => {
    const done = await client.chat.completions.create({ model: 'hoidap', messages: [...messages], metadata });
    expect(done.object).toBe('chat.completion');
    expect(done.choices[0]?.finish_reason).toBe('stop');
    expect(done.choices[0]?.message.content).toContain('[1]');
  });

  it('gets a stream', async () => {
    const stream = await client.chat.completions.create({
      model: 'hoidap',
      messages: [...messages],
      metadata,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let tokens: number | undefined;
    const finished: string[] = [];
    for await (const chunk of stream) {
      tokens = chunk.usage?.total_tokens ?? tokens;
      for (const choice of chunk.choices) {
        text += choice.delta.content ?? '';
        if (choice.finish_reason !== null) finished.push(choice.finish_reason);
      }
    }
    expect(finished).toEqual(['stop']);
    expect(text).toContain('[1]');
    expect(tokens).toBeTypeOf('number');
  });

  it('runs its own helper over a stream', async () => {
    const runner = client.chat.completions.stream({ model: 'hoidap', messages: [...messages], metadata });
    expect(await runner.finalContent()).toContain('[1]');
  });

  it('throws its own error', async () => {
    const wrong = client.chat.completions.create({ model: 'hoidap', messages: [] });
    await expect(wrong).rejects.toMatchObject({ status: 422, param: 'messages' });
  });

  it('lists the models', async () => {
    const models = await client.models.list();
    expect(models.data.map((model) => model.id)).toEqual(['hoidap']);
    expect((await client.models.retrieve('hoidap')).object).toBe('model');
    await expect(client.models.retrieve('gpt-4')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});
