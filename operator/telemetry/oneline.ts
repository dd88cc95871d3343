import { clip, redact } from './redact.ts';

/** Colours and other sequences for terminals: all of one goes, or its rest would stand in the text. */
export const terminalSequence = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
/** What shows nothing, or changes the order in which a terminal shows the rest: format characters, such as U+202E. */
export const invisible = /\p{Cf}/gu;
/** Control characters break the tables of kubectl as line breaks do. */
const gap = /[\s\p{Cc}\p{Zl}\p{Zp}]+/gu;

/**
 * oneLine makes text from anywhere (an exit message, an answer of a server, a log) fit for a condition or an event, which
 * kubectl shows in one line: no line break, no control character, no half of a surrogate pair, no secret, at most maxBytes.
 * Doing it twice is doing it once, so that a message that is read back stays what it was.
 */
export const oneLine = (text: string, maxBytes = 2048): string => {
  const plain = text.toWellFormed().replace(terminalSequence, '').replace(invisible, '');
  // Not before: what is taken out of a text could have hidden a secret in it.
  return clip(redact(plain.replace(gap, ' ').trim()), maxBytes);
};
