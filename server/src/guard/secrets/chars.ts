/** Classes of characters that several rooms of the scanner ask for, as tables by ASCII code. */

const WORD = new Uint8Array(128);
for (const char of '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') WORD[char.charCodeAt(0)] = 1;
/** Letters and digits. */
export const isWord = (code: number): boolean => code < 128 && WORD[code] === 1;

const RUN = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_') RUN[char.charCodeAt(0)] = 1;
/** The two alphabets of base64 (RFC 4648) together. */
export const isRun = (code: number): boolean => code < 128 && RUN[code] === 1;
