/**
 * Works through items with at most `size` at a time, until the signal says to stop. What is under way is
 * finished: a call that was sent may have had its effect.
 */
export async function pool<T>(
  items: readonly T[],
  size: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) {
      if (signal.aborted) return;
      await work(item);
      if (signal.aborted) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(size, items.length) }, worker));
}
