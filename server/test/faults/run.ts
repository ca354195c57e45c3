/** Runs cases of the fault table, many at a time, against one server. */
import { mulberry, shuffled } from '../chaos/random.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { PATIENT } from '../support/vendors.ts';
import type { WorldCall } from '../vendors/world.ts';
import { CAP, CLOCKS, judge, type Verdict } from './judge.ts';
import { type FaultRow, WIRES, type Wire } from './row.ts';
import { ROWS } from './rows.ts';
import { answerFor, caseId, type FaultVendor, SECOND, startFaultVendor } from './vendor.ts';
import { ask, modelFor, pairFor, providerFor, SECOND_MODEL, WAYS, type Way } from './ways.ts';

export interface FaultCase {
  row: FaultRow;
  wire: Wire;
  way: Way;
}

export interface CaseResult extends FaultCase {
  verdict: Verdict | null;
  /** Why it did not hold. */
  wrong: string | null;
}

/** Every fault, in every dialect in which it can occur, in every way. */
export const CASES: readonly FaultCase[] = [...ROWS.values()].flatMap((row) =>
  WIRES.flatMap((wire) => {
    const answer = answerFor(row.name, row);
    const occurs = (way: Way) => ((way === 'whole' ? row.whole : row.stream)?.(wire, answer) ?? null) !== null;
    return WAYS.filter(occurs).map((way) => ({ row, wire, way }));
  }),
);

/** Half of the ways in which each fault can be met in each dialect; another seed takes others. */
export function someWays(seed: number): FaultCase[] {
  const random = mulberry(seed);
  const places = Map.groupBy(CASES, ({ row, wire }) => `${row.name} ${wire.dialect}`);
  return [...places.values()].flatMap((ways) => shuffled(random, ways).slice(0, Math.ceil(ways.length / 2)));
}

export const nameOf = ({ row, wire, way }: FaultCase): string => caseId(row.name, wire.dialect, way);

const LANES = 20;

/** A connection that is kept for the next call may outlive the answer for a while. */
async function callsOver(vendor: FaultVendor, id: string): Promise<readonly WorldCall[]> {
  const over = () => vendor.calls(id).every((call) => call.endedAt !== null);
  return await eventually(() => over() && vendor.calls(id), `the end of the calls of ${id}`, 6000);
}

export async function runCases(cases: readonly FaultCase[]): Promise<CaseResult[]> {
  const vendor = await startFaultVendor();
  const providers: Record<string, unknown> = {
    [SECOND]: { base_url: vendor.url(SECOND), models: [SECOND_MODEL], prefix: 'trailing', free: true },
  };
  const aliases: Record<string, string[]> = {};
  for (const { row, wire, way } of cases) {
    const name = providerFor(row, wire, way);
    const model = modelFor(wire.dialect);
    providers[name] = {
      dialect: wire.dialect,
      base_url: row.gone ? 'http://127.0.0.1:9' : vendor.url(name),
      auth: 'none',
      models: [model],
      free: true,
    };
    aliases[pairFor(name)] = [`${name}/${model}`, `${SECOND}/${SECOND_MODEL}`];
  }
  const results: CaseResult[] = [];
  // Those that wait for a clock stand beside each other, and would all wait at once.
  const waiting = shuffled(mulberry(1), cases);
  async function lane(server: Server): Promise<void> {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { row, wire, way } = one;
      try {
        const seen = await ask(server, row, wire, way);
        const calls = await callsOver(vendor, nameOf(one));
        results.push({ ...one, verdict: judge(row, wire, way, seen, calls), wrong: null });
      } catch (error) {
        results.push({ ...one, verdict: null, wrong: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  let server: Server | null = null;
  try {
    const started = await startServer({
      settings: { ...PATIENT, attempts: CAP, clocks: { ...CLOCKS, lease_ms: 8000 }, providers, aliases },
    });
    server = started;
    await Promise.all(Array.from({ length: LANES }, () => lane(started)));
    if (vendor.strays().length > 0) throw new Error(`calls that led nowhere: ${vendor.strays().join(', ')}`);
  } finally {
    await server?.stop();
    await vendor.close();
  }
  return results;
}
