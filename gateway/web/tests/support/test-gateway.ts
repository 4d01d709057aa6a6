/** The value of a variable that `./dev test` sets. */
export function requiredVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run ./dev test`);
  return value;
}

/** The running gateway. */
export const gateway = requiredVariable('HOIDAP_TEST_URL');

/** Sets the answers of the scripted model. */
export async function scriptModel(what: { text?: string; perSecond?: number; fail?: number }): Promise<void> {
  await fetch(`${requiredVariable('HOIDAP_TEST_STUB')}/control`, { method: 'POST', body: JSON.stringify(what) });
}

/** The calls that the scripted model has received. */
export async function modelStats(): Promise<{ calls: number; closedEarly: number }> {
  const response = await fetch(`${requiredVariable('HOIDAP_TEST_STUB')}/control`);
  return (await response.json()) as { calls: number; closedEarly: number };
}
