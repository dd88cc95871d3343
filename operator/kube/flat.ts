/** flat copies a text that is kept for long: joined strings keep their parts alive, and with them the page they were parsed from. */
export const flat = (text: string): string => Buffer.from(text).toString();
