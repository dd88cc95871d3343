/**
 * What a cache gives is shared, so that whoever changes it changes what everybody sees. isGuarded: it is frozen, and a change
 * throws where it is made. All tests run so; in a cluster it would cost more than parsing does.
 */
export const isGuarded = process.env['EPINIO_CACHE_GUARD'] === 'true';

/** frozen makes an object, and all that is in it, such that nobody can change it. */
export const frozen = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
};
