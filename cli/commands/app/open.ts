import { spawn } from 'node:child_process';
import { getApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import { plainLine } from '../../text.ts';
import type { Run } from '../run.ts';

/** opener is the program that opens a URL on this kind of machine. */
const opener = (url: string): [string, string[]] => {
  // BROWSER is how a user of Linux, or an editor that runs the terminal, says which.
  const browser = process.env['BROWSER'];
  if (browser !== undefined && browser !== '') return [browser, [url]];
  if (process.platform === 'darwin') return ['open', [url]];
  // Not `cmd /c start`: that reads & and ^ of a URL as its own.
  if (process.platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', url]];
  return ['xdg-open', [url]];
};

/** launch resolves to whether the program could be started. */
const launch = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const [program, args] = opener(url);
    const child = spawn(program, args, { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });

export const run: Run<[string], object> = async (tools, [name]) => {
  const { status } = await getApp(tools, { namespace: tools.namespace, name });
  const url = status?.url;
  if (url === undefined || !/^https?:\/\//.test(url))
    throw new UserError(`App ${name} has no URL to open`, `epinio app show ${name} says why`);
  tools.output.result(plainLine(url));
  if (!(await launch(url))) tools.output.step('No browser can be started here; open the URL yourself');
};
