/** Sequences that a terminal acts on: CSI (colours are one kind of it), OSC and its like up to their end, and all others. */
const sequences =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;

const colour = /^\u001b\[[0-9;:]*m$/;
/** What shows nothing but changes what is shown: control characters, half surrogate pairs, and those that turn the order of text. */

const hidden =
  /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
/** actedOn is all that a terminal may act on: what is hidden, and the start of a sequence. */
export const actedOn = new RegExp(`${hidden.source}|\\u001b`, 'g');
const reset = '\u001b[0m';

/**
 * plain makes lines of a text that somebody else wrote (a log, a condition, an answer) and that a terminal may show: no
 * sequence in them moves the cursor, sets a title or clears the screen. Colours stay where they are wanted, and end with
 * their line. Of a line that redraws itself with carriage returns the last state is kept.
 */
export const plainLines = (text: string, colours = false): string[] =>
  text
    .toWellFormed()
    .split('\n')
    .map((line) => {
      const last = line.replace(/\r+$/, '').split('\r').at(-1) ?? '';
      let coloured = false;
      const kept = last.replace(sequences, (sequence) => {
        if (!colours || !colour.test(sequence)) return '';
        coloured = true;
        return sequence;
      });

      const shown = kept.replaceAll(/[\u2028\u2029]/g, ' ').replace(hidden, '');
      return coloured ? `${shown}${reset}` : shown.replaceAll('\u001b', '');
    });

/** plainLine is the same in one line. */
export const plainLine = (text: string): string =>
  plainLines(text)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
