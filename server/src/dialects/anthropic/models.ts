/**
 * What the generations of Claude take and refuse; a refusal is a 400, so it must be known before the call. From
 * platform.claude.com (2026-11): "Troubleshooting thinking" (the table by model), "Effort", "Structured outputs", and the
 * migration guides of 4.6, 4.7, Sonnet 5, Fable 5, Opus 5.5 and Sonnet 5.5.
 */

export interface Traits {
  /** How thinking is asked for: not at all, by a token budget (to 4.5), or by effort (from 4.6). */
  thinking: 'none' | 'budget' | 'adaptive';
  /** What asks for no thinking: leaving it out, or a `thinking.type`; `never` when it cannot be turned off. */
  off: 'omit' | 'disabled' | 'between_tools' | 'never';
  /** `temperature` and `top_p` are taken; from 4.7 on they are refused. */
  sampling: boolean;
  /** Both of them together are taken; refused from 4.1 on. */
  bothSampling: boolean;
  /** `tool_choice` may force a tool. */
  forcedTool: boolean;
  /** The conversation may end with an assistant message. */
  prefill: boolean;
  /** And it is known that the model goes on from it, not after it. Models of other makers are not known to. */
  goesOn: boolean;
  /** `output_config.format` and `strict` tools. */
  schema: boolean;
  /** Highest value of `output_config.effort` below `max`. */
  xhigh: boolean;
}

/** Anthropic-compatible servers with models of their own: the API as it was when they copied it. */
const COMPATIBLE: Traits = {
  thinking: 'budget',
  off: 'omit',
  sampling: true,
  bothSampling: true,
  forcedTool: true,
  prefill: true,
  goesOn: false,
  schema: false,
  xhigh: false,
};

/** A Claude that we cannot place is newer than this table. */
const NEWEST = 99;

const NAME =
  /claude-(?:(\d)(?:[-.](\d))?-)?(opus|sonnet|haiku|fable|mythos|instant)?(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?/;

export function traitsOf(model: string): Traits {
  const match = NAME.exec(model.toLowerCase());
  if (!match) return COMPATIBLE;
  const [, oldMajor, oldMinor, family = '', newMajor, newMinor] = match;
  const major = oldMajor ?? newMajor;
  const version = major === undefined ? NEWEST : Number(major) * 10 + Number(oldMinor ?? newMinor ?? 0);
  return traits(family, version);
}

function traits(family: string, version: number): Traits {
  if (version < 46) {
    return {
      ...COMPATIBLE,
      thinking: version < 37 ? 'none' : 'budget',
      bothSampling: version < 41,
      goesOn: true,
      schema: version >= 45 || (version === 41 && family === 'opus'),
    };
  }
  const known = version !== NEWEST;
  return {
    thinking: 'adaptive',
    off: whenOff(family, version),
    sampling: version === 46,
    bothSampling: false,
    forcedTool: !(known && refusesForcedTool(family, version)),
    prefill: false,
    goesOn: false,
    schema: true,
    xhigh: version > 46,
  };
}

function whenOff(family: string, version: number): Traits['off'] {
  if (version < 50) return 'omit';
  if (version === NEWEST || family === 'fable' || family === 'mythos') return 'never';
  if (version < 55 || family === 'haiku') return 'disabled';
  return family === 'sonnet' ? 'between_tools' : 'never';
}

function refusesForcedTool(family: string, version: number): boolean {
  if (family === 'fable' || family === 'mythos') return version > 50;
  return (family === 'opus' || family === 'sonnet') && version >= 55;
}
