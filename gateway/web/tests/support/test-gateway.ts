/** What a variable that `./dev test` sets says. */
export function requiredVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run ./dev test`);
  return value;
}

/** The running gateway. */
export const gateway = requiredVariable('HOIDAP_TEST_URL');

/** Tells the scripted model what to say from now on. */
export async function scriptModel(what: { text?: string; perSecond?: number; fail?: number }): Promise<void> {
  await fetch(`${requiredVariable('HOIDAP_TEST_STUB')}/control`, { method: 'POST', body: JSON.stringify(what) });
}

/** What the scripted model saw so far. */
export async function modelStats(): Promise<{ calls: number; closedEarly: number }> {
  const response = await fetch(`${requiredVariable('HOIDAP_TEST_STUB')}/control`);
  return (await response.json()) as { calls: number; closedEarly: number };
}
