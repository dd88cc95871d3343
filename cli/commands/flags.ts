/** OutputFlags choose the form of a result. */
export interface OutputFlags {
  readonly output?: string;
}

/** ChangeFlags go with every change of an App. */
export interface ChangeFlags {
  readonly force: boolean;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}
