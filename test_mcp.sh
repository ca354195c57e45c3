#!/usr/bin/env bash
# Smoke test of a running control plane: submits, polls, streams, resumes, cancels; one verdict line for each step.
#
#   ./test_mcp.sh [base-url] [key]        (default http://127.0.0.1:8000; also MCP_URL and MCP_KEY)
#
# Needs bash (3.2 or newer), curl and Node 22 or newer. It asks small questions of whatever model `auto` is
# (MCP_MODEL names another). Exit code 0 when every step is ok, else 1.
set -u

BASE="${1:-${MCP_URL:-http://127.0.0.1:8000}}"
BASE="${BASE%/}"
KEY="${2:-${MCP_KEY:-}}"
MODEL="${MCP_MODEL:-auto}"

case "$BASE" in
  -h | --help | help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  http://* | https://*) ;;
  *) echo "\"$BASE\" is not an address; write it like http://127.0.0.1:8000." >&2; exit 1 ;;
esac

HERE="$(cd "$(dirname "$0")" && pwd)"
NODE=node
if [ -x "$HERE/node_modules/.bin/node" ]; then NODE="$HERE/node_modules/.bin/node"; fi
for tool in curl "$NODE"; do
  if ! command -v "$tool" > /dev/null 2>&1; then echo "$tool is needed and not there." >&2; exit 1; fi
done
if ! "$NODE" -e 'process.exit(typeof WebSocket === "function" ? 0 : 1)'; then
  echo "Node 22 or newer is needed (this is $("$NODE" --version)); npm ci brings one." >&2
  exit 1
fi

TMP="$(mktemp -d "${TMPDIR:-/tmp}/test_mcp.XXXXXX")" || exit 1
OPEN="" # a request that may still run
AUTH=()
DIRECT=()
case "$BASE" in
  http://127.0.0.1* | http://localhost* | http://\[::1\]*) DIRECT=(--noproxy '*') ;; # no proxy can know this machine
esac
if [ -n "$KEY" ]; then
  # In a file, so that the key is in no list of processes.
  printf 'header = "authorization: Bearer %s"\n' "$KEY" > "$TMP/auth"
  chmod 600 "$TMP/auth"
  AUTH=(--config "$TMP/auth")
fi
cleanup() {
  if [ -n "$OPEN" ]; then post "/mcp/v1/cancel/$OPEN" "" > /dev/null 2>&1; fi
  rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Looks at what curl brought. In Node, so that JSON is read by something that can.
cat > "$TMP/look.mjs" << 'JS'
import { readFileSync } from 'node:fs';
const [what, ...args] = process.argv.slice(2);
const read = (file) => readFileSync(file, 'utf8');
const fail = (why) => { console.log(why); process.exit(1); };
const at = (value, path) => path.split('.').reduce((inner, key) => inner?.[key], value);

/** Frames of an SSE file: [{ id, event, data }]. */
function frames(file) {
  return read(file).split(/\r?\n\r?\n/).map((block) => {
    const frame = { id: null, event: 'message', data: '' };
    for (const line of block.split(/\r?\n/)) {
      const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (name) frame[name] = name === 'data' ? frame.data + value : value;
    }
    return frame;
  }).filter((frame) => frame.data !== '');
}

/** Numbers from `first` without a gap, `end` exactly once and last. */
function checkFrames(list, first) {
  if (list.length === 0) fail('no frames');
  list.forEach((frame, index) => {
    if (frame.seq !== first + index) fail(`frame ${index + 1} has number ${frame.seq}, not ${first + index}`);
  });
  const ends = list.filter((frame) => frame.type === 'end').length;
  if (ends !== 1 || list.at(-1).type !== 'end') fail(`${ends} end frames, the last frame is ${list.at(-1).type}`);
}

function sseFrames(file) {
  return frames(file).map((frame) => {
    const data = JSON.parse(frame.data);
    if (String(data.seq) !== frame.id || data.type !== frame.event) fail(`id or event differ from the data of frame ${data.seq}`);
    return data;
  });
}

const text = (list) => {
  const from = list.findLastIndex((frame) => frame.type === 'restart');
  return list.slice(from + 1).filter((frame) => frame.type === 'text').map((frame) => frame.text).join('');
};

const LOOKS = {
  /** body <prompt> <max_tokens> <model> */
  body: ([prompt, most, model]) => console.log(JSON.stringify({ prompt, max_tokens: Number(most), model, user_id: 'test_mcp' })),
  chat: ([prompt, most, model, stream]) =>
    console.log(JSON.stringify({ model, max_tokens: Number(most), stream: stream === 'stream', messages: [{ role: 'user', content: prompt }] })),
  get: ([file, path]) => console.log(at(JSON.parse(read(file)), path) ?? ''),
  /** error <file>: what a refusal says, in one line */
  error: ([file]) => {
    let body = {};
    try { body = JSON.parse(read(file)); } catch {}
    console.log([body.error?.code ?? body.code, body.error?.message ?? body.detail].filter(Boolean).join(': ').slice(0, 200));
  },
  result: ([file]) => {
    const r = JSON.parse(read(file));
    if (r.status !== 'succeeded') fail(`status is ${r.status}`);
    if (typeof r.text !== 'string') fail('no text');
    if (r.text === '' && r.finish_reason !== 'length') fail('the text is empty');
    if (!(r.usage?.output_tokens >= 0) || !r.provider || !r.model) fail('usage, provider or model are missing');
    const cost = r.cost_usd === null ? 'price unknown' : `$${r.cost_usd}`;
    console.log(`${r.provider}/${r.model}, ${r.usage.input_tokens} tokens in, ${r.usage.output_tokens} out, ${cost}`);
  },
  /** sse <file> <result>: a whole stream that tells the same text as the result */
  sse: ([file, result]) => {
    const list = sseFrames(file);
    checkFrames(list, 1);
    if (list.at(-1).status !== 'succeeded') fail(`end says ${list.at(-1).status}`);
    if (text(list) !== JSON.parse(read(result)).text) fail('the text differs from the result');
    console.log(`frames 1 to ${list.length}, then end`);
  },
  middle: ([file]) => console.log(Math.max(1, Math.floor(sseFrames(file).length / 2))),
  /** resumed <file> <whole> <after> */
  resumed: ([file, whole, after]) => {
    const list = sseFrames(file);
    checkFrames(list, Number(after) + 1);
    if (JSON.stringify(list) !== JSON.stringify(sseFrames(whole).slice(Number(after)))) fail('the frames differ from the first time');
    console.log(`frames ${Number(after) + 1} to ${list.at(-1).seq}`);
  },
  /** ended <file> <status> */
  ended: ([file, status]) => {
    const list = sseFrames(file);
    checkFrames(list, 1);
    if (list.at(-1).status !== status) fail(`end says ${list.at(-1).status}`);
  },
  /** socket <url> <whole> <key>: the same over a WebSocket */
  socket: ([url, whole]) => {
    const key = process.env.MCP_KEY_OF_TEST;
    const socket = new WebSocket(url, key ? { headers: { authorization: `Bearer ${key}` } } : undefined);
    const list = [];
    setTimeout(() => fail('no close within 30 s'), 30_000).unref();
    socket.onmessage = (message) => list.push(JSON.parse(message.data));
    socket.onerror = (event) => fail(`the WebSocket failed: ${event.message ?? 'no reason given'}`);
    socket.onclose = ({ code }) => {
      if (code !== 1000) fail(`closed with ${code}`);
      checkFrames(list, 1);
      if (JSON.stringify(list) !== JSON.stringify(sseFrames(whole))) fail('the frames differ from those of SSE');
      console.log(`the same ${list.length} frames, closed with 1000`);
      process.exit(0);
    };
  },
  completion: ([file]) => {
    const c = JSON.parse(read(file));
    const choice = c.choices?.[0];
    if (c.object !== 'chat.completion' || choice?.message?.role !== 'assistant') fail('not a chat completion');
    if (!choice.message.content && choice.finish_reason !== 'length') fail('the answer is empty');
    console.log(`${c.usage?.total_tokens} tokens, finish_reason ${choice.finish_reason}`);
  },
  chunks: ([file]) => {
    const list = frames(file).map((frame) => frame.data);
    if (list.at(-1) !== '[DONE]') fail('the stream does not end with [DONE]');
    const chunks = list.slice(0, -1).map((data) => JSON.parse(data));
    const bad = chunks.find((chunk) => chunk.error);
    if (bad) fail(`${bad.error.code}: ${bad.error.message}`);
    const finish = chunks.map((chunk) => chunk.choices?.[0]?.finish_reason).filter(Boolean);
    if (finish.length !== 1) fail(`${finish.length} finish reasons`);
    const content = chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join('');
    if (content === '' && finish[0] !== 'length') fail('the answer is empty');
    console.log(`${chunks.length} chunks, finish_reason ${finish[0]}, [DONE]`);
  },
};
try {
  LOOKS[what](args);
} catch (error) {
  fail(`unexpected answer: ${error.message}`);
}
JS

look() { "$NODE" "$TMP/look.mjs" "$@"; }
# What curl brings: the body to $TMP/out, the headers to $TMP/head, the status to standard output (000: no answer).
fetch() { curl -sS --max-time "${LIMIT:-30}" ${AUTH[@]+"${AUTH[@]}"} ${DIRECT[@]+"${DIRECT[@]}"} -o "$TMP/out" -D "$TMP/head" -w '%{http_code}' "$@" 2> "$TMP/err"; }
get() { fetch "$BASE$1"; }
post() { # path body [more headers…]
  local path="$1" body="$2"
  shift 2
  if [ -n "$body" ]; then set -- -H 'content-type: application/json' --data-binary "$body" "$@"; fi
  fetch -X POST "$@" "$BASE$path"
}

GOOD=0
BAD=0
ok() { GOOD=$((GOOD + 1)); printf 'ok    %-10s %s\n' "$1" "$2"; }
bad() { BAD=$((BAD + 1)); printf 'FAIL  %-10s %s\n' "$1" "$2"; }
# What went wrong with a call whose status was $1.
why() {
  if [ "$1" = 000 ]; then sed 's/^curl: ([0-9]*) //' "$TMP/err" | head -1; else echo "status $1 $(look error "$TMP/out")"; fi
}
# A look that is a step: its words are the verdict's.
judge() { # step, look…
  local step="$1" said
  shift
  if said="$(look "$@" 2>&1)"; then ok "$step" "$said"; else bad "$step" "$(echo "$said" | head -1)"; fi
}
finish() {
  echo
  if [ "$BAD" -eq 0 ]; then echo "All $GOOD steps are ok."; exit 0; fi
  echo "$BAD of $((GOOD + BAD)) steps failed."
  exit 1
}
# Asks for a request's status until it is one of $2 (a pattern) or $3 seconds are over; prints the last one.
wait_for() {
  local until=$((SECONDS + $3)) state=""
  while [ "$SECONDS" -le "$until" ]; do
    if [ "$(get "/mcp/v1/request/$1")" = 200 ]; then
      state="$(look get "$TMP/out" status)"
      if echo "$state" | grep -qE "^($2)$"; then break; fi
    fi
    sleep 0.1
  done
  echo "$state"
}
submit() { # prompt, max_tokens, more headers…
  local body
  body="$(look body "$1" "$2" "$MODEL")"
  shift 2
  post /mcp/v1/request "$body" "$@"
}

SHORT="Say hello in five words."
# The marks in brackets are for the simulator only; to a model they are noise.
LONG="Write a story of 2,000 words about a lighthouse. [[sim tokens=3000 rate=100]]"
TERMINAL='succeeded|failed|cancelled|expired|blocked'

echo "Testing $BASE"
status="$(LIMIT=10 get /healthz)"
if [ "$status" = 200 ]; then ok health "it is alive"; else bad health "$(why "$status")"; finish; fi

status="$(LIMIT=10 get /readyz)"
if [ "$status" = 200 ]; then ok ready "$(look get "$TMP/out" status)"; else bad ready "$(why "$status")"; fi

status="$(submit "$SHORT" 300)"
id="$(look get "$TMP/out" request_id 2> /dev/null)"
if [ "$status" = 202 ] && [ -n "$id" ]; then ok submit "$id"; else bad submit "$(why "$status")"; finish; fi
OPEN="$id"

state="$(wait_for "$id" "$TERMINAL" 90)"
if [ "$state" = succeeded ]; then
  OPEN=""
  ok poll "$state"
else
  bad poll "after 90 s at most it is ${state:-unknown}: $(look get "$TMP/out" error.message)"
fi

status="$(LIMIT=40 get "/mcp/v1/request/$id/result?wait=30")"
cp "$TMP/out" "$TMP/result" 2> /dev/null
if [ "$status" = 200 ]; then judge result result "$TMP/result"; else bad result "$(why "$status")"; fi

# A new one, read while it runs.
status="$(submit "$SHORT Then wish me a good day." 300)"
id="$(look get "$TMP/out" request_id 2> /dev/null)"
OPEN="$id"
if [ "$status" = 202 ]; then status="$(LIMIT=90 fetch -N "$BASE/mcp/v1/stream/$id")"; fi
cp "$TMP/out" "$TMP/whole" 2> /dev/null
if [ "$status" = 200 ]; then
  OPEN=""
  LIMIT=40 get "/mcp/v1/request/$id/result?wait=30" > /dev/null
  judge sse sse "$TMP/whole" "$TMP/out"
else
  bad sse "$(why "$status")"
fi

after="$(look middle "$TMP/whole" 2> /dev/null)"
status="$(fetch -H "last-event-id: ${after:-1}" "$BASE/mcp/v1/stream/$id")"
if [ "$status" = 200 ]; then judge resume resumed "$TMP/out" "$TMP/whole" "${after:-1}"; else bad resume "$(why "$status")"; fi

export MCP_KEY_OF_TEST="$KEY"
judge websocket socket "ws${BASE#http}/mcp/v1/stream/$id" "$TMP/whole"

# A quick model may be done before we come to cancel: three tries.
said="it could not be submitted"
for try in 1 2 3; do
  status="$(submit "$LONG" 3000)"
  id="$(look get "$TMP/out" request_id 2> /dev/null)"
  if [ "$status" != 202 ] || [ -z "$id" ]; then said="$(why "$status")"; break; fi
  OPEN="$id"
  wait_for "$id" "running|$TERMINAL" 30 > /dev/null
  status="$(post "/mcp/v1/cancel/$id" "")"
  said="$(look get "$TMP/out" status 2> /dev/null)"
  if [ "$status" = 200 ] && [ "$said" = cancelled ]; then break; fi
  said="status $status, it was ${said:-unknown}"
done
if [ "$said" = cancelled ]; then
  ok cancel "$said on try $try"
  OPEN=""
  sleep 1
  state="$(wait_for "$id" "$TERMINAL" 5)"
  status="$(get "/mcp/v1/stream/$id")"
  if [ "$state" != cancelled ]; then
    bad cancelled "a second later it is $state"
  elif said="$(look ended "$TMP/out" cancelled 2>&1)"; then
    ok cancelled "it stays so, and its stream says so"
  else
    bad cancelled "$(echo "$said" | head -1)"
  fi
else
  bad cancel "$said"
fi

key="test-mcp-$$-$(date +%s)"
status="$(submit "$SHORT" 300 -H "idempotency-key: $key")"
first="$(look get "$TMP/out" request_id 2> /dev/null)"
OPEN="$first"
again="$(submit "$SHORT" 300 -H "idempotency-key: $key")"
second="$(look get "$TMP/out" request_id 2> /dev/null)"
if [ "$status$again" != 202202 ]; then
  bad replay "$(why "$again")"
elif [ "$first" != "$second" ]; then
  bad replay "the same key made two requests"
elif ! grep -qi '^idempotent-replayed: *true' "$TMP/head"; then
  bad replay "the header idempotent-replayed is missing"
else
  ok replay "the same request again"
fi
status="$(submit "$SHORT And another." 300 -H "idempotency-key: $key")"
if [ "$status" = 422 ]; then ok mismatch "another body is refused: $(look get "$TMP/out" code)"; else bad mismatch "$(why "$status")"; fi
if [ -n "$OPEN" ]; then post "/mcp/v1/cancel/$OPEN" "" > /dev/null; OPEN=""; fi

status="$(LIMIT=60 post /v1/chat/completions "$(look chat "$SHORT" 300 "$MODEL")")"
if [ "$status" = 200 ]; then judge openai completion "$TMP/out"; else bad openai "$(why "$status")"; fi

status="$(LIMIT=60 post /v1/chat/completions "$(look chat "$SHORT" 300 "$MODEL" stream)" -N)"
if [ "$status" = 200 ]; then judge streamed chunks "$TMP/out"; else bad streamed "$(why "$status")"; fi

status="$(post /mcp/v1/request '{"prompt": 7, "colour": "green"}')"
code="$(look get "$TMP/out" code 2> /dev/null)"
if [ "$status" = 400 ] && [ -n "$code" ]; then ok refusal "status 400, code $code"; else bad refusal "status $status, code ${code:-none}"; fi

status="$(get /mcp/v1/request/00000000-0000-7000-8000-000000000000)"
if [ "$status" = 404 ]; then ok unknown "status 404"; else bad unknown "status $status instead of 404"; fi

finish
