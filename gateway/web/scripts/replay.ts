// Writes the page of a replay's report, which the worker's binary holds: `npm run build:replay`.
import { writeFile } from 'node:fs/promises';
import { REPLAY_PAGE, replayPage } from '../build/replay.ts';

await writeFile(REPLAY_PAGE, await replayPage());
