import { expect, it } from 'vitest';
import type { UserError } from './errors.ts';
import { appName } from './name.ts';

it.each([
  [undefined, '/home/me/shop', 'shop'],
  [undefined, '/home/me/Shop', 'shop'],
  ['0-shop', '/x', '0-shop'],
])('the App of %s in %s is %s', (given, path, name) => {
  expect(appName(given, path)).toBe(name);
});

it.each([
  [undefined, '/home/me/My Shop_2', /the name of the folder, my shop_2,/, /--name my-shop-2:/],
  [undefined, '/', /the name of the folder, \/,/, /give one with --name:/],
  ['Shop', '/x', /^Shop cannot/, /--name shop:/],
  ['', '/x', /^nothing cannot/, /give one with --name:/],
  ['-a.', '/x', /^-a. cannot/, /--name a:/],
  ['a'.repeat(64), '/x', /cannot be/, new RegExp(`--name ${'a'.repeat(63)}:`)],
  ['Ünï', '/x', /^Ünï cannot/, /--name n:/],
])('%s in %s is none, and a better one is told', (given, path, message, hint) => {
  let told: UserError | undefined;
  try {
    appName(given, path);
  } catch (error) {
    told = error as UserError;
  }
  expect(told?.message).toMatch(message);
  expect(told?.hint).toMatch(hint);
});
