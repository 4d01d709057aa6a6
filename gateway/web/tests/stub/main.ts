// A language model for tests: it speaks OpenAI's protocol over HTTP and says what it is told to, or quotes the passages it is shown.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The answers to give from now on. */
interface Script {
  /** The text; by default, the first sentences of the first passage. */
  text?: string;
  /** Words per second; by default, as fast as possible. */
  perSecond?: number;
  /** The HTTP status to fail with. */
  fail?: number;
}

let script: Script = {};
const seen = { calls: 0, closedEarly: 0 };

const port = Number(process.argv[process.argv.indexOf('--port') + 1] ?? 0);
const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (path === '/control' && request.method === 'GET') {
    json(response, seen);
    return;
  }
  if (path === '/control') {
    script = JSON.parse(await body(request)) as Script;
    json(response, script);
    return;
  }
  if (path === '/v1/models') {
    json(response, { object: 'list', data: [{ id: 'stub', object: 'model' }] });
    return;
  }
  if (path === '/v1/chat/completions') return complete(await body(request), response);
  response.writeHead(404).end();
}

async function complete(asked: string, response: ServerResponse): Promise<void> {
  seen.calls += 1;
  const { text, perSecond, fail } = script;
  if (fail !== undefined) {
    response.writeHead(fail).end();
    return;
  }
  const words = (text ?? quoted(asked)).match(/\S+\s*/g) ?? [];
  response.on('close', () => {
    if (!response.writableEnded) seen.closedEarly += 1;
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const word of words) {
    if (response.destroyed) return;
    event(response, { choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
    if (perSecond !== undefined) await pause(1000 / perSecond);
  }
  event(response, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  event(response, { choices: [], usage: { prompt_tokens: 100, completion_tokens: words.length } });
  response.end('data: [DONE]\n\n');
}

/** The first two sentences of the first passage in a prompt. */
function quoted(asked: string): string {
  const { messages } = JSON.parse(asked) as { messages: { content: string }[] };
  const prompt = messages.map((message) => message.content).join('\n');
  const [, passage = ''] = /<<<passages \S+\n\(1\) [^\n]*\n([\s\S]*?)\n\n/.exec(prompt) ?? [];
  const sentences = passage.split('\n').flatMap((line) => line.match(/[^.!?]+[.!?]+(?=\s|$)/g) ?? []);
  const whole = sentences.map((sentence) => sentence.trim()).filter((sentence) => sentence.split(/\s+/).length > 5);
  return whole.slice(0, 2).join(' ') || 'NO_ANSWER';
}

function event(response: ServerResponse, data: unknown): void {
  response.write(`data: ${JSON.stringify(data)}\n\n`);
}

function json(response: ServerResponse, data: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(data));
}

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
