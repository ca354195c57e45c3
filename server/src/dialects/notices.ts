/** What had to be dropped or changed for a target, told once each. */
import type { Notice } from '../contract/dialect.ts';

/** `dropped`: not sent at all. `changed`: sent in another form. */
export function note(notices: Notice[], code: 'dropped' | 'changed', detail: string): void {
  if (!notices.some((known) => known.detail === detail)) notices.push({ code, detail });
}
