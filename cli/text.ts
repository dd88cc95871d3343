/** Sequences that a terminal acts on: CSI (colours are one kind of it), OSC and its like up to their end, and all others. */
const sequences =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;

/** isColour tells a colour or weight from what else the same kind of sequence does: 8 hides the text behind it. */
const isColour = (sequence: string): boolean => {
  const [, list] = /^\u001b\[([0-9;:]*)m$/.exec(sequence) ?? [];
  if (list === undefined) return false;
  // A colour by number may be the 8th: `38;5;8`.
  return !list
    .replaceAll(/[345]8[;:](?:5[;:]\d+|2[;::]\d+[;:]\d+[;:]\d+)/g, '')
    .split(/[;:]/)
    .includes('8');
};

/**
 * What shows nothing but changes what is shown: control characters and format characters (such as those that turn the order of
 * text), but the two that join and part the pictures and letters of many scripts.
 */
const hidden = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|(?![\u200c\u200d])\p{Cf}/gu;
/** actedOn is all that a terminal may act on: what is hidden, and the start of a sequence. */
export const actedOn = new RegExp(`${hidden.source}|\\u001b`, 'gu');
const reset = '\u001b[0m';

/** lastState is what stands after the last carriage return but those at the end; a line may consist of a million of them. */
const lastState = (line: string): string => {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
};

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
      const last = lastState(line);
      let coloured = false;
      const kept = last.replace(sequences, (sequence) => {
        if (!colours || !isColour(sequence)) return '';
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
