/** retryDelayMs is how long is waited after an attempt that failed, the first one being 1: longer each time, 8 s at most. */
export const retryDelayMs = (attempt: number): number => Math.min(250 * 2 ** attempt, 8000);
