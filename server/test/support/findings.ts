/** Where secrets can turn up: the findings that a server recorded in answers, and the files that it left. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, call } from './api.ts';
import type { Server } from './server.ts';

interface Finding {
  rule: string;
  action: string;
  place: string;
  fingerprint: string;
}

/** All findings in answers of a server, page by page. */
export async function findings(of: Server): Promise<(Finding & { request: string })[]> {
  const found: (Finding & { request: string })[] = [];
  for (let cursor = ''; ; ) {
    type Page = { items: { request_id: string; payload: Finding }[]; next_cursor?: string | null };
    const page: Answer<Page> = await call(of, `/mcp/v1/admin/audit?type=guard.finding&limit=200${cursor}`);
    assert.equal(page.status, 200, page.text);
    found.push(...page.body.items.map((item) => ({ ...item.payload, request: item.request_id })));
    if (!page.body.next_cursor) return found.filter(({ place }) => place === 'answer');
    cursor = `&cursor=${encodeURIComponent(page.body.next_cursor)}`;
  }
}

/** All files of a folder and of those in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}
