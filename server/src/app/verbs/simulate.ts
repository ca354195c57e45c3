/** `goblin simulate`: the simulator alone, a vendor to test against. */
import type { SimulatorOptions } from '../../providers/simulator/index.ts';
import { columns, type Input, near, type Verb, VerbError } from './flags.ts';

export const verb: Verb = {
  name: 'simulate',
  usage: '[flags]',
  about:
    'Runs the simulator alone until Ctrl-C: it speaks the OpenAI wire, answers the same prompt with the same words,\n' +
    'costs nothing, and breaks on command. A prompt may order it about: "Hello [[sim tokens=40 fault=cut-after-10]]".',
  words: { most: 0 },
  flags: {
    port: { value: 'n', from: 0, help: 'where it listens on 127.0.0.1 (default 9999; 0: any free port)' },
    tokens: { value: 'n', from: 0, help: 'length of an answer (default 30)' },
    rate: { value: 'n', from: 0, help: 'tokens per second (default: as fast as possible)' },
    'first-token-ms': { value: 'n', from: 0, help: 'wait before the first token' },
    fault: { value: 'name', help: 'how every call breaks; --list-faults names them' },
    times: { value: 'n', from: 1, help: 'only the first n calls with the same prompt break' },
    journal: { help: 'keep a record of all calls at GET /journal; DELETE /journal empties it' },
    key: { value: 'key', help: 'refuse calls with another key, as a vendor does' },
    'list-faults': { help: 'list the faults, and end' },
  },
  examples: [
    'npm run goblin -- simulate --rate 60 --first-token-ms 200',
    'npm run goblin -- simulate --port 9998 --fault status-503 --times 2',
  ],
  run,
};

async function run(input: Input): Promise<number> {
  const { FAULTS, startSimulator } = await import('../../providers/simulator/index.ts');
  if (input.on('list-faults')) {
    console.log(columns(Object.entries(FAULTS).map(([name, { title }]) => [name, title])).join('\n'));
    return 0;
  }
  const port = input.number('port') ?? 9999;
  if (port > 65_535) throw new VerbError(`goblin simulate: --port is "${port}" but takes a number from 0 to 65535.`);
  const options = optionsOf(input, port);
  const { parseFault } = await import('../../providers/simulator/faults.ts');
  if (options.fault !== undefined && options.fault !== 'none' && !parseFault(options.fault)) {
    const close = near(options.fault, Object.keys(FAULTS));
    const meant =
      close.length > 0 ? `did you mean ${close.join(' or ')}?` : 'goblin simulate --list-faults names them.';
    throw new VerbError(`goblin simulate: "${options.fault}" is not a fault; ${meant}`);
  }
  const simulator = await startSimulator(options).catch((error: { code?: string }) => {
    if (error.code === 'EADDRINUSE') {
      throw new VerbError(
        `Port ${port} is taken; stop what runs on 127.0.0.1:${port}, or choose another, e.g. --port ${port < 65_535 ? port + 1 : 9999}.`,
      );
    }
    if (error.code === 'EACCES') {
      throw new VerbError(`Port ${port} needs rights that this user lacks; choose one above 1023, e.g. --port 9999.`);
    }
    throw error;
  });
  const key = options.key ?? 'any';
  console.log(
    [
      `The simulator listens at ${simulator.url}`,
      '',
      '  Point an OpenAI client at it:',
      `  OPENAI_BASE_URL=${simulator.url} OPENAI_API_KEY=${key} <your program>`,
      '  or the control plane:',
      `  OPENAI_BASE_URL=${simulator.url} OPENAI_API_KEY=${key} npm start`,
      ...(options.journal ? ['', `  What it was asked: curl -s http://127.0.0.1:${simulator.port}/journal`] : []),
      '',
    ].join('\n'),
  );
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await simulator.close();
  return 0;
}

function optionsOf(input: Input, port: number): SimulatorOptions {
  const options: SimulatorOptions = { port, journal: input.on('journal') };
  const tokens = input.number('tokens');
  const rate = input.number('rate');
  const first = input.number('first-token-ms');
  const times = input.number('times');
  const fault = input.text('fault');
  const key = input.text('key');
  if (tokens !== undefined) options.tokens = tokens;
  if (rate !== undefined) options.tokensPerSecond = rate;
  if (first !== undefined) options.firstTokenMs = first;
  if (times !== undefined) options.times = times;
  if (fault !== undefined) options.fault = fault;
  if (key !== undefined) options.key = key;
  return options;
}
