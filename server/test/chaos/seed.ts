/** The seed of a run: `GOBLIN_SEED`, else the commit, so that each commit runs other cases and the same commit the same. */
import { spawnSync } from 'node:child_process';

export function seedOf(): number {
  const given = process.env.GOBLIN_SEED;
  if (given !== undefined && given !== '') {
    const seed = Number(given);
    if (!Number.isInteger(seed) || seed < 0) throw new Error(`GOBLIN_SEED is "${given}" but takes a whole number`);
    return seed;
  }
  const commit = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout ?? '';
  // A copy without its history has no commit: any fixed number serves.
  return /^[0-9a-f]{40}/.test(commit) ? Number.parseInt(commit.slice(0, 7), 16) : 1;
}
