/** An attached call, wired: its secrets are taken out, it is let in, and it runs; its caller reads his own values. */
import type { Submission } from '../contract/flow.ts';
import type { AnswerDoorDeps } from '../edge/answer-door.ts';
import { runAttached } from '../execution/attached.ts';
import { restoring, restoringHandle } from '../execution/placeholders.ts';
import type { House } from './assembly.ts';

export function answering(house: House): AnswerDoorDeps['run'] {
  const { admission, answers, ledger, shields } = house;

  /** What the scanner looks for, as it was changed while the record was away. Null: nothing to wait for. */
  function rulesKnown(): Promise<void> | null {
    if (ledger.lostFor() === null) return shields.ready();
    return admission.recordBack().then(() => shields.ready() ?? undefined);
  }

  const run: AnswerDoorDeps['run'] = (caller, id, given, hop) => {
    const submission = admission.shield(caller, given.submission, id);
    return submission instanceof Promise
      ? submission.then((later) => runShielded(caller, id, given, hop, later))
      : runShielded(caller, id, given, hop, submission);
  };

  const runShielded = (
    ...[caller, id, given, hop, submission]: [...Parameters<AnswerDoorDeps['run']>, Submission]
  ): ReturnType<AnswerDoorDeps['run']> => {
    const input = { ...given, submission };
    // It grows with what is found in the answer.
    const mapping = new Map<string, string>();
    const of = { tenant: caller.tenant, key: caller.key, request: id, task: submission.taskType };
    const answer = submission.kind === 'embed' ? undefined : answers?.(of, mapping);
    const admitted = admission.admit(caller, submission, id);
    const go = (a: Awaited<typeof admitted>) => {
      if (a.entry) input.admitted?.(a.entry.headers);
      for (const [placeholder, value] of submission.secrets?.mapping ?? []) mapping.set(placeholder, value);
      const restores = answer !== undefined || mapping.size > 0;
      const handle = runAttached(
        house.attached,
        caller,
        restores ? { ...input, listener: restoring(given.listener, mapping) } : input,
        admission.acceptance(caller, id, submission, a),
        a.plan,
        hop,
        a.entry,
        answer,
      );
      return restores ? restoringHandle(handle, mapping) : handle;
    };
    return admitted instanceof Promise ? admitted.then(go) : go(admitted);
  };

  return (...asked) => {
    const known = rulesKnown();
    return known === null ? run(...asked) : known.then(() => run(...asked));
  };
}
