import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { REPLAY_MARKER, REPLAY_PAGE } from '../../build/replay.ts';

/** Report files, filled the way the worker fills them. */
export class ReplayReportFixture {
  private constructor(private readonly folder: string) {}

  static async create(): Promise<ReplayReportFixture> {
    return new ReplayReportFixture(await mkdtemp(join(tmpdir(), 'hoidap-replay-')));
  }

  /** Writes a report and gives its address. */
  async write(name: string, report: unknown): Promise<string> {
    const page = await readFile(REPLAY_PAGE, 'utf8');
    const packed = gzipSync(JSON.stringify(report)).toString('base64');
    const path = join(this.folder, `${name}.html`);
    await writeFile(
      path,
      page.replace(REPLAY_MARKER, () => REPLAY_MARKER.replace('null', `"${packed}"`)),
    );
    return pathToFileURL(path).href;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
