/** What every `Sql` driver throws for a statement that the database refused, and that had no effect. */
export class SqlError extends Error {
  readonly sqlState: string | undefined;
  constructor(message: string, sqlState: string | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SqlError';
    this.sqlState = sqlState;
  }
}
