/** exits are the exit codes of the command; docs/cli.md says what each means. */
export const exits = {
  failed: 1,
  usage: 2,
  unreachable: 3,
  timeout: 4,
  internal: 70,
  hungUp: 129,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;
/** ExitCode is one of them. */
export type ExitCode = (typeof exits)[keyof typeof exits];

/** UserError ends a command with one sentence (what is wrong), a hint (what to do) and an exit code; it shows no stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly hint: string | undefined;
  readonly code: ExitCode;

  constructor(
    message: string,
    hint?: string,
    { code = exits.failed, cause }: { readonly code?: ExitCode; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
    this.code = code;
  }
}
