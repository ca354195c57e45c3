#!/usr/bin/env node
// Checks a receipt without a server and without this program: node verify-receipt.mjs receipt.json [public-key.pem]
// With the file of a public key that you have kept, only that key is believed; without one, the key in the receipt is, and shown.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [file, keyFile] = process.argv.slice(2);
if (!file) {
  console.error('usage: node verify-receipt.mjs receipt.json [public-key.pem]');
  process.exit(2);
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
// The same content is the same text: fields in the order of their names, no blanks.
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
};

const wrong = [];
const receipt = JSON.parse(readFileSync(file, 'utf8'));
const { signature, ...signed } = receipt;
const pems = keyFile ? { [receipt.key_id]: readFileSync(keyFile, 'utf8') } : receipt.public_keys;
const keyOf = (id) => (pems[id] ? createPublicKey(pems[id]) : null);
const check = (text, mark, id, encoding) => {
  const key = keyOf(id);
  return key !== null && verify(null, Buffer.from(text), key, Buffer.from(mark, encoding));
};

if (!check(canonical(signed), signature, receipt.key_id, 'base64'))
  wrong.push('the signature of the receipt is not right');
let sealed = 0;
for (const event of receipt.events) {
  if (!event.proof) continue;
  sealed++;
  const { header, signature: mark, key_id, steps } = event.proof;
  const text = JSON.stringify([
    event.id,
    event.tenant,
    event.request_id,
    event.at,
    event.type,
    event.actor,
    event.payload_digest,
  ]);
  let digest = sha256(Buffer.from([0]), text);
  for (const { side, digest: other } of steps) {
    const [left, right] = side === 'left' ? [Buffer.from(other, 'hex'), digest] : [digest, Buffer.from(other, 'hex')];
    digest = sha256(Buffer.from([1]), left, right);
  }
  // A payload may have been erased; its digest still stands in the block.
  const erased = event.payload_text === '{"erased": true}';
  if (!erased && sha256(event.payload_text).toString('hex') !== event.payload_digest)
    wrong.push(`the payload of event ${event.id} was changed`);
  if (canonical(JSON.parse(event.payload_text)) !== canonical(event.payload))
    wrong.push(`event ${event.id} is told in two ways`);
  if (digest.toString('hex') !== JSON.parse(header).root)
    wrong.push(`event ${event.id} (${event.type}) is not in its block`);
  if (!check(header, mark, key_id, 'hex'))
    wrong.push(`the block of event ${event.id} is not signed by a key that is believed`);
}

console.log(
  `request ${receipt.request.request_id}: ${receipt.request.status}, ${receipt.attempts.length} attempts, cost ${receipt.request.cost_usd} USD`,
);
console.log(`${receipt.events.length} events, ${sealed} of them sealed; signed by key ${receipt.key_id}`);
if (!keyFile)
  console.log(`the key is the one in the receipt; compare it with yours:\n${pems[receipt.key_id]}`.trimEnd());
for (const line of wrong) console.log(line);
console.log(wrong.length === 0 ? 'The receipt is right.' : 'The receipt is NOT right.');
process.exit(wrong.length === 0 ? 0 : 1);
