/** One side of the queue library that ours is measured against: `add` or `work`, so many jobs, so many at once. */
import { Queue, Worker } from 'bullmq';

const [side, port, jobs, atOnce] = [
  process.argv[2],
  Number(process.argv[3]),
  Number(process.argv[4]),
  Number(process.argv[5]),
];
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const data = { prompt: '[[sim]] What is a control plane, and who needs one? '.repeat(4) };

if (side === 'work') {
  let done = 0;
  const worker = new Worker('bench', async () => 'done', { connection, concurrency: atOnce });
  worker.on('completed', () => {
    if (++done === jobs) process.send?.('over');
  });
  await worker.waitUntilReady();
  console.log('worker');
} else {
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.waitUntilReady();
  console.log('adder');
  process.on('message', async () => {
    let sent = 0;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (sent < jobs) {
          sent++;
          await queue.add('job', data);
        }
      }),
    );
  });
}
