/** The directions of the house: who may import whom in `server/src`. */
const pure = ['routing', 'dialects', 'catalogue', 'money'];
const rooms = '^server/src/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'contract-knows-nobody',
      severity: 'error',
      from: { path: `${rooms}contract/` },
      to: { path: rooms, pathNot: `${rooms}contract/` },
    },
    ...pure.map((room) => ({
      name: `${room}-is-pure`,
      severity: 'error',
      from: { path: `${rooms}${room}/` },
      to: {
        path: rooms,
        pathNot: `${rooms}(contract|${room}${room === 'money' || room === 'routing' ? '|catalogue' : ''}${room === 'routing' ? '|money' : ''})/`,
      },
    })),
    {
      name: 'pure-rooms-do-no-io',
      severity: 'error',
      from: { path: `${rooms}(contract|${pure.join('|')})/` },
      to: { path: '^(fs|net|http|https|child_process|worker_threads|dns|tls)', dependencyTypes: ['core'] },
    },
    {
      name: 'drivers-are-known-only-to-app',
      severity: 'error',
      from: { path: rooms, pathNot: `${rooms}(app|drivers)/` },
      to: { path: `${rooms}drivers/` },
    },
    {
      name: 'drivers-implement-ports',
      severity: 'error',
      from: { path: `${rooms}drivers/` },
      to: { path: rooms, pathNot: `${rooms}(contract|drivers)/` },
    },
    {
      name: 'nobody-imports-app',
      severity: 'error',
      from: { path: rooms, pathNot: `${rooms}app/` },
      to: { path: `${rooms}app/` },
    },
    {
      name: 'edge-reaches-execution-by-functions-it-is-given',
      severity: 'error',
      from: { path: `${rooms}edge/` },
      to: { path: `${rooms}(execution|dispatch|admission|providers|drivers)/` },
    },
    {
      name: 'only-edge-and-app-know-the-edge',
      severity: 'error',
      from: { path: rooms, pathNot: `${rooms}(edge|app)/` },
      to: { path: `${rooms}edge/` },
    },
    {
      name: 'undici-only-in-transport',
      severity: 'error',
      from: { path: rooms, pathNot: `${rooms}providers/` },
      to: { path: '^(node_modules/)?undici' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
