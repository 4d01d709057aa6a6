/** Runs the work while holding a lock of this name, which all tabs of the origin share; `undefined` if aborted.
 *
 * Insecure contexts have no locks: there each tab runs its own work, which the gateway tolerates. */
export async function withLock<T>(
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) return work();
  try {
    return await locks.request(name, signal === undefined ? {} : { signal }, work);
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}
