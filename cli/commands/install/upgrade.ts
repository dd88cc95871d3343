import type { Run } from '../run.ts';
import { bring } from './install.ts';
import type { Flags } from './prepare.ts';

export const run: Run<[], Flags> = (tools, _, flags) => bring(tools, flags, true);
