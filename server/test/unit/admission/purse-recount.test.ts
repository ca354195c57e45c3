/** Answers are lost and processes die: slices are counted anew, every hold stays covered, and nothing is left behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Holding } from '../../../src/admission/budgets/budgets.ts';
import { budgetOf, processes, turn } from './purse-kit.ts';

describe('holds', () => {
  it('never come to more than there is, however requests come and go, answers are lost and processes die', async () => {
    const step = fc.record({
      process: fc.nat(2),
      pico: fc.integer({ min: 1, max: 400 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      turns: fc.nat(3),
      slow: fc.integer({ min: 1, max: 5 }),
      what: fc.constantFrom(
        'hold',
        'hold',
        'hold',
        'hold',
        'write',
        'write',
        'hear',
        'hear',
        'settle',
        'settle',
        'undo',
        'beat',
        'beat',
        'away',
        'lose',
        'dies',
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3000 }), fc.array(step, { maxLength: 80 }), async (hard, steps) => {
        const { bank, hold, beat, advance, written } = processes(3, budgetOf(hard));
        /** Held in memory; written, but the process has not heard of it; and written. */
        const held: Holding[] = [];
        const unheard: Holding[] = [];
        const open: { slice: number; pico: number }[] = [];
        let asking = 0;
        const begin = async (process: number, pico: number, undone: boolean) => {
          asking++;
          const holding = await hold(process, pico).catch(() => null);
          asking--;
          if (holding === null || holding.holds.length === 0) return;
          if (undone) holding.undo();
          else held.push(holding);
        };
        const write = () => {
          for (const holding of held.splice(0)) {
            const [{ slice, pico }] = holding.holds as [{ slice: number; pico: number }];
            if (!bank.slices.has(slice)) {
              holding.undo({ sqlState: '23503' });
              continue;
            }
            written.set(slice, (written.get(slice) ?? 0) + pico);
            unheard.push(holding);
            open.push({ slice, pico });
          }
        };
        const hear = () => {
          for (const holding of unheard.splice(0)) holding.written();
        };
        for (const { process, pico, part, what, turns, slow } of steps) {
          advance(120);
          bank.slow = slow;
          if (what === 'hold') void begin(process, pico, false);
          else if (what === 'undo') {
            const one = held.shift();
            if (one) one.undo();
            else void begin(process, pico, true);
          } else if (what === 'write') write();
          else if (what === 'hear') hear();
          else if (what === 'settle') {
            for (const { slice, pico: of } of open.splice(0, 2)) {
              written.set(slice, (written.get(slice) ?? 0) - of);
              bank.settle(slice, of, Math.floor(of * part));
            }
          } else if (what === 'beat') await beat();
          else if (what === 'lose') bank.loses = true;
          else if (what === 'away') bank.away = !bank.away;
          else {
            const moved = bank.forget(process, (slice) => written.get(slice) ?? 0);
            if (moved) {
              written.set(moved.to, written.get(moved.from) ?? 0);
              for (const one of open) if (one.slice === moved.from) one.slice = moved.to;
            }
          }
          await turn(turns);
          assert.ok(bank.exposed() <= hard, `${bank.exposed()} of ${hard}`);
          for (const [id, { open: rest }] of bank.slices)
            assert.ok(rest >= (written.get(id) ?? 0), 'a hold is covered');
        }
        // When all is quiet nothing is left but what requests hold.
        bank.away = false;
        bank.loses = false;
        bank.slow = 1;
        for (let n = 0; n < 12 || asking > 0; n++) {
          advance(1000);
          write();
          hear();
          await beat();
          await turn(12);
        }
        for (const [id, { open: rest }] of bank.slices) assert.equal(rest, written.get(id) ?? 0);
      }),
      { numRuns: 400 },
    );
  });

  it('of a slice that others took away while an answer was lost, nothing stays behind', async () => {
    const { bank, all, hold, beat, advance, purse } = processes(1, budgetOf(1000));
    (await hold(0, 10))?.undo();
    await turn(4);
    bank.forget(0, () => 0);
    bank.loses = true;
    await purse(all[0])
      .ask(100)
      .catch(() => {});
    assert.ok(bank.exposed() > 0);
    for (let n = 0; n < 10; n++) {
      advance(1000);
      await beat();
      await turn(8);
    }
    assert.equal(bank.exposed(), 0);
  });

  it('are all covered when a slice is counted while requests come', async () => {
    for (let late = 0; late < 8; late++) {
      const { bank, all, hold, beat, advance, written, purse } = processes(1, budgetOf(1000));
      (await hold(0, 10))?.undo();
      bank.loses = true;
      await purse(all[0])
        .ask(100)
        .catch(() => {});
      // The counting lasts; the takings that come are fast.
      bank.slow = 8;
      await beat();
      bank.slow = 1;
      await turn(late);
      let sum = 0;
      for (const holding of await Promise.all(Array.from({ length: 40 }, () => hold(0, 20)))) {
        const [one] = holding?.holds ?? [];
        if (!holding || !one) continue;
        sum += one.pico;
        written.set(one.slice, (written.get(one.slice) ?? 0) + one.pico);
        holding.written();
      }
      await turn(12);
      assert.ok(sum > 0 && sum <= bank.exposed() && bank.exposed() <= 1000, `${sum} of ${bank.exposed()}`);
      for (let n = 0; n < 10; n++) {
        advance(1000);
        await beat();
        await turn(8);
      }
      assert.equal(bank.exposed(), sum);
    }
  });

  it('that come back while a slice is about to be counted are counted', async () => {
    const { bank, all, hold, beat, written, purse } = processes(1, budgetOf(1000));
    const first = await hold(0, 200);
    bank.loses = true;
    await purse(all[0])
      .ask(100)
      .catch(() => {});
    await beat();
    first?.undo();
    await turn(8);
    for (let n = 0; n < 5; n++) {
      const holding = await hold(0, 200);
      const [one] = holding?.holds ?? [];
      if (one) written.set(one.slice, (written.get(one.slice) ?? 0) + one.pico);
      holding?.written();
    }
    for (const [id, { open }] of bank.slices) assert.ok(open >= (written.get(id) ?? 0), `${open}`);
    assert.ok([...written.values()].some((pico) => pico > 0));
  });
});
