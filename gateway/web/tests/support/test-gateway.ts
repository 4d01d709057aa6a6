/** What a variable that `./dev test` sets says. */
export function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run ./dev test`);
  return value;
}

/** The running gateway. */
export const gateway = needed('HOIDAP_TEST_URL');

/** Tells the scripted model what to say from now on. */
export async function script(what: { text?: string; perSecond?: number; fail?: number }): Promise<void> {
  await fetch(`${needed('HOIDAP_TEST_STUB')}/control`, { method: 'POST', body: JSON.stringify(what) });
}

/** What the scripted model saw so far. */
export async function model(): Promise<{ calls: number; closedEarly: number }> {
  const response = await fetch(`${needed('HOIDAP_TEST_STUB')}/control`);
  return (await response.json()) as { calls: number; closedEarly: number };
}
