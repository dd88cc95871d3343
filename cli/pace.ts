/** As often a person sees something new. */
const oftenMs = 100;

/** createPace tells whether it is time to show something again: at most so often, however often it is asked. */
export const createPace = (now: () => number): (() => boolean) => {
  let at = -Infinity;
  return () => {
    if (now() - at < oftenMs) return false;
    at = now();
    return true;
  };
};
