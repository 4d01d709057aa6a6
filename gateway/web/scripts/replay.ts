// Writes the page of a replay's report, which the worker's binary embeds: a part of `npm run build`.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { REPLAY_PAGE, replayPage } from '../build/replay.ts';

const page = await replayPage();
// Cargo compiles again whenever the file is written.
if (page !== (await readFile(REPLAY_PAGE, 'utf8').catch(() => undefined))) {
  await mkdir(dirname(REPLAY_PAGE), { recursive: true });
  await writeFile(REPLAY_PAGE, page);
}
