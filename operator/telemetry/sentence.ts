/** sentence makes a sentence of the words of another program: a capital at its begin, a full stop at its end. */
export const sentence = (text: string): string => {
  const plain = text.trim();
  if (plain === '') return '';
  const ended = /[.!?\u2026]$/.test(plain) ? plain : `${plain}.`;
  return /^[a-z]+ /.test(ended) ? ended.charAt(0).toUpperCase() + ended.slice(1) : ended;
};
