import dns from 'node:dns';
import { vi } from 'vitest';

/** testNames lets all names below `.test` lead to the loopback address, for servers that are told apart by their name. */
export const testNames = (): Disposable => {
  const real = dns.lookup;
  type Options = { readonly all?: boolean };
  type Done = (error: null, found: unknown, family?: number) => void;
  const lookup = (host: string, options: Options, done: Done): void => {
    if (!host.endsWith('.test')) return void Reflect.apply(real, dns, [host, options, done]);
    const found = { address: '127.0.0.1', family: 4 };
    process.nextTick(() => (options.all === true ? done(null, [found]) : done(null, found.address, found.family)));
  };
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
  return { [Symbol.dispose]: () => spy.mockRestore() };
};
