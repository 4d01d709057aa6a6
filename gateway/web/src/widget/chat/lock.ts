/** Runs the work while no other tab runs work of this name; the next one then has its turn.
 *
 * Pages without a secure connection have no locks: there every tab works for itself, which the gateway bears. */
export async function withLock<T>(
  name: string,
  signal: AbortSignal | null,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) return work();
  try {
    return await locks.request(name, signal === null ? {} : { signal }, work);
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}
