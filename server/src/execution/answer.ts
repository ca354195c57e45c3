/** Where a request begins to run: under a guardrail, a fire drill, out of the response cache, or straight. */
import { callKey, isPlain } from './call-key.ts';
import { startChecked } from './checked.ts';
import { underDrill } from './drill.ts';
import { startRun } from './run.ts';
import { startShared } from './shared.ts';
import type { AnswerSink, Run, RunDeps, RunInput, RunSink } from './terms.ts';

export function startAnswer(deps: RunDeps, input: RunInput, sink: AnswerSink): Run {
  // Numbers are not read by anybody.
  if (!deps.guardrail || input.call.kind !== 'answer') return begin(deps, input, sink);
  return startChecked(deps.guardrail, input, sink, (own, heard) => begin(deps, own, heard));
}

function begin(deps: RunDeps, input: RunInput, sink: RunSink): Run {
  const { by } = input;
  if (by !== undefined) {
    // What a drill breaks is no answer for others, and theirs would spare it the vendor.
    if (by.key !== null && deps.drills?.concerns(by.key)) return underDrill(deps, input, sink, by.key, deps.drills);
    if (deps.cache !== undefined && input.cache !== false && input.plan.cache !== false) {
      const { cache } = deps;
      // What passed other policies, or other rules of the scanner, is another answer.
      const passed = [input.plan.policy?.versions ?? [], input.answer?.mark ?? ''];
      const headers = input.pass?.headers ?? {};
      const keyOf = ({ provider, model }: { provider: string; model: string }): string | null =>
        callKey(input.call, { tenant: by.tenant, passed, provider, model, stream: input.stream, headers });
      const [first] = input.plan.targets;
      const key = first === undefined ? null : keyOf(first);
      if (key !== null) return startShared({ ...deps, cache }, input, sink, { key, keyOf, plain: isPlain(input.call) });
    }
  }
  return startRun(deps, input, sink);
}
