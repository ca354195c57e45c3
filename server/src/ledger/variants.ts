/**
 * Statements that are made of steps: every step of a statement costs some tens of microseconds, also where it has
 * nothing to do, so each group of writes gets the statement that has what it needs. Each is made once, and prepared by
 * the driver once.
 */
export function createVariants<Has extends Record<keyof Has, boolean>>(
  make: (has: Has) => string,
): (has: Has) => string {
  const made = new Map<string, string>();
  return (has) => {
    const key = Object.values<boolean>(has).map(Number).join('');
    let text = made.get(key);
    if (text === undefined) {
      text = make(has);
      made.set(key, text);
    }
    return text;
  };
}
