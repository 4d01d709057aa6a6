import type { Report } from './types.ts';

const FORMAT = 1;

/** Parses the report in the page, or returns a sentence that says why there is none. A string is a gzipped report in Base64. */
export async function parseReport(text: string): Promise<Report | string> {
  let report: unknown;
  try {
    report = JSON.parse(text);
    if (typeof report === 'string') report = await decompress(report);
  } catch (error) {
    return `The report in this page cannot be read; perhaps it was not written to its end. (${String(error)})`;
  }
  if (report === null) return 'This page holds no report. “hoidap-worker replay” writes one into it.';
  const { format } = report as Report;
  if (format === FORMAT) return report as Report;
  return `This page shows reports of format ${String(FORMAT)}, and this one is of format ${String(format)}.`;
}

function decompress(packed: string): Promise<unknown> {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).json();
}
