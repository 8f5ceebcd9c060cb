// How long the bars beside the durations are. Pure.

/**
 * What a full bar stands for beside these durations: the longest, unless a few are so long that the others could not
 * be told apart; then the 95th percentile, which the few exceed.
 *
 * @param {number[]} durations
 */
export function barScale(durations) {
  if (durations.length === 0) return 1;
  const sorted = [...durations].sort((a, b) => a - b);
  const longest = sorted[sorted.length - 1];
  const usual = sorted[Math.floor((sorted.length - 1) * 0.95)];
  return Math.max(1, longest > 4 * usual ? usual : longest);
}
