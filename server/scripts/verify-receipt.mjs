#!/usr/bin/env node
// Checks a receipt without a server and without this program:
//   node verify-receipt.mjs receipt.json [public-key.pem …]
// With files of public keys that you have kept, only those are believed; without one, the keys in the receipt are, and shown.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
// The same content is the same text: fields in the order of their names, no blanks.
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
};
const same = (one, other) => canonical(one) === canonical(other);
const der = (pem) => createPublicKey(pem).export({ type: 'spki', format: 'der' }).toString('base64');
// Money has twelve digits behind the point.
const pico = (usd) => Math.round(usd * 1e12);
const sum = (amounts) => amounts.reduce((total, usd) => total + pico(usd ?? 0), 0);

const isReceipt = (value) =>
  typeof value === 'object' &&
  value !== null &&
  typeof value.signature === 'string' &&
  typeof value.public_keys === 'object' &&
  value.public_keys !== null &&
  Array.isArray(value.events) &&
  typeof value.request === 'object' &&
  value.request !== null;

/** What is wrong with it, one sentence each; nothing: it is right. `kept`: public keys as PEM; none: those of the receipt are believed. */
export function verifyReceipt(receipt, kept = []) {
  const wrong = [];
  if (!isReceipt(receipt)) return ['this is no receipt: one is what goblin receipt prints'];
  const { signature, ...signed } = receipt;
  const believed = kept.map(der);
  const check = (text, mark, id, encoding) => {
    const pem = Object.hasOwn(signed.public_keys, id) ? signed.public_keys[id] : null;
    if (typeof pem !== 'string' || (believed.length > 0 && !believed.includes(der(pem)))) return false;
    const bytes = Buffer.from(mark, encoding);
    // Other spellings of the same bytes are not what was written.
    return bytes.toString(encoding) === mark && verify(null, Buffer.from(text), createPublicKey(pem), bytes);
  };

  if (!check(canonical(signed), signature, signed.key_id, 'base64'))
    wrong.push('the signature of the receipt is not right');
  for (const event of signed.events) {
    // A payload may have been erased; its digest still stands in the block.
    const erased = event.payload_text === '{"erased": true}';
    if (!same(JSON.parse(event.payload_text), event.payload)) wrong.push(`event ${event.id} is told in two ways`);
    if (!event.proof) continue;
    const { header, signature: mark, key_id, steps } = event.proof;
    const { id, tenant, request_id, at, type, actor, payload_digest } = event;
    let digest = sha256(Buffer.from([0]), JSON.stringify([id, tenant, request_id, at, type, actor, payload_digest]));
    for (const { side, digest: other } of steps) {
      const [left, right] = side === 'left' ? [Buffer.from(other, 'hex'), digest] : [digest, Buffer.from(other, 'hex')];
      digest = sha256(Buffer.from([1]), left, right);
    }
    if (!erased && sha256(event.payload_text).toString('hex') !== payload_digest)
      wrong.push(`the payload of event ${id} was changed`);
    if (digest.toString('hex') !== JSON.parse(header).root) wrong.push(`event ${id} (${type}) is not in its block`);
    if (tenant !== signed.tenant || request_id !== signed.request.request_id)
      wrong.push(`event ${id} is of another request`);
    if (!check(header, mark, key_id, 'hex'))
      wrong.push(`the block of event ${id} is not signed by a key that is believed`);
  }
  // What is said twice must be the same.
  const payloads = new Map(signed.events.map(({ id, payload }) => [id, payload]));
  for (const { event, ...about } of signed.redactions) {
    const { erased, rule, action, place, fingerprint } = payloads.get(event) ?? {};
    if (!same(about, erased ? { erased } : { rule, action, place, fingerprint }))
      wrong.push(`the redaction of event ${event} is told in two ways`);
  }
  if (!same(signed.decision, signed.plan?.policy ?? null)) wrong.push('the decision is told in two ways');
  for (const { attempt, lines, total_usd } of signed.prices) {
    const cost = signed.attempts.find((one) => one.attempt === attempt)?.cost_usd ?? null;
    if (cost !== total_usd || (lines && Math.abs(sum(lines.map(({ usd }) => usd)) - pico(total_usd)) > lines.length))
      wrong.push(`the prices of attempt ${attempt} do not make its cost`);
  }
  const attempts = sum(signed.attempts.map(({ cost_usd }) => cost_usd));
  if (signed.request.cost_usd !== null && Math.abs(attempts - pico(signed.request.cost_usd)) > signed.attempts.length)
    wrong.push('the attempts do not make the cost of the request');
  return wrong;
}

const USAGE = `usage: node verify-receipt.mjs receipt.json [public-key.pem …]

Ends with 0 when the receipt is right, with 1 when it is not. With files of public keys only those are believed; goblin
verify-audit --public-key prints yours. Keep it away from the server.`;

function main([file, ...keyFiles]) {
  if (file === '--help' || file === '-h') {
    console.log(USAGE);
    return 0;
  }
  if (!file) {
    console.error(USAGE);
    return 2;
  }
  const keys = [];
  for (const name of keyFiles) {
    try {
      const blocks = readFileSync(name, 'utf8').match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g);
      if (!blocks) throw new Error('no PEM');
      blocks.forEach(der);
      keys.push(...blocks);
    } catch {
      console.error(
        `${name} cannot be read as a public key; it takes PEM, as goblin verify-audit --public-key prints it.`,
      );
      return 2;
    }
  }
  let receipt;
  let wrong;
  try {
    receipt = JSON.parse(readFileSync(file, 'utf8'));
    wrong = verifyReceipt(receipt, keys);
  } catch (error) {
    console.log(`The receipt is NOT right: it cannot be read (${error.message}).`);
    return 1;
  }
  if (!isReceipt(receipt)) {
    console.log(`The receipt is NOT right: ${wrong.join(', ')}.`);
    return 1;
  }
  const { request, attempts, events, redactions, key_id: key } = receipt;
  console.log(
    `request ${request.request_id}: ${request.status}, ${attempts.length} attempts, ${redactions.length} redactions, cost ${request.cost_usd} USD`,
  );
  const sealed = events.filter(({ proof }) => proof).length;
  console.log(`${events.length} events, ${sealed} of them sealed; signed by key ${key}`);
  if (keyFiles.length === 0)
    console.log(`the key is the one in the receipt; compare it with yours:\n${receipt.public_keys[key]}`.trimEnd());
  for (const line of wrong) console.log(line);
  console.log(wrong.length === 0 ? 'The receipt is right.' : 'The receipt is NOT right.');
  return wrong.length === 0 ? 0 : 1;
}

if (import.meta.main ?? import.meta.filename === process.argv[1]) process.exit(main(process.argv.slice(2)));
