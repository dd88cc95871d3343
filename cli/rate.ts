import { bytes } from './output.ts';

/** How much of the past says how fast it goes now, and how often it is looked at. */
const pastMs = 5000;
const sampleMs = 200;
/** Before that, a speed is but noise. */
const firstMs = 500;

const timeText = (seconds: number): string => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.round(whole / 360) / 10} h`;
};

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** createRate makes of bytes that are done what people want to know: how many of how many, how fast, how long still. */
export const createRate = (total: number, now: () => number): ((done: number) => string) => {
  let samples: readonly Sample[] = [{ at: now(), done: 0 }];
  return (done) => {
    const at = now();
    // The newest one that is older than the past stays: what came since then is the speed.
    const from = samples.findLastIndex((sample) => at - sample.at >= pastMs);
    if (from > 0) samples = samples.slice(from);
    const [first = { at, done }] = samples;
    if (at - (samples.at(-1)?.at ?? 0) >= sampleMs) samples = [...samples, { at, done }];
    const amount = `${bytes(done)} of ${bytes(total)}`;
    const perSecond = ((done - first.done) / (at - first.at)) * 1000;
    if (at - first.at < firstMs || !(perSecond > 0)) return amount;
    const speed = `${amount}, ${bytes(Math.round(perSecond))}/s`;
    return done < total ? `${speed}, ${timeText((total - done) / perSecond)} left` : speed;
  };
};
