/** Tables of the documents, in Markdown. */
import type { TSchema } from '@sinclair/typebox';

export const code = (text: string): string => `\`${text}\``;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export type Properties = Record<string, TSchema>;
export const propertiesOf = (schema: TSchema): Properties => (schema.properties ?? {}) as Properties;

/** A schema in words. */
export function accepted(schema: TSchema): string {
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'array') return `a list of ${itemsOf(schema.items as TSchema)}`;
  if (schema.anyOf) return (schema.anyOf as TSchema[]).map((one) => code(String(one.const))).join(' or ');
  return schema.type === 'object' ? 'pairs of texts' : 'a text';
}

function itemsOf(schema: TSchema): string {
  if (schema.type === 'object') return 'entries';
  return schema.anyOf ? 'texts or entries' : 'texts';
}

export function meaning(of: Readonly<Record<string, string>>, name: string): string {
  const text = of[name];
  if (text === undefined) throw new Error(`server/scripts says nothing about the setting ${name}`);
  return text;
}
