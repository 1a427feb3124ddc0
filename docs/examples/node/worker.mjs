// A whole worker in Node.js: it draws a legal action from its seat's own seed. See docs/protocol.md.
//
// npm ci && arena play --game leduc --operators "cmd:'node worker.mjs',random" --matches 20
// arena check worker -- node worker.mjs

import { createHash } from "node:crypto";
import { decode, Encoder } from "@msgpack/msgpack";
import { Dealer } from "zeromq";

const encoder = new Encoder();
const socket = new Dealer({ linger: 1000 });
const send = (header) => socket.send(["ARENA/1", encoder.encode(header)]);
const seeds = new Map(); // of the open seats, by "match/seat"

// What it draws from: only the seat's seed, the tick and the attempt, so that it plays the same game again.
// SHA-256 is enough; a worker may use any generator that depends on nothing else.
function draw(seed, request, n) {
  const hash = createHash("sha256").update(seed).update(`${request.tick}/${request.attempt ?? 0}`).digest();
  return hash.readUInt32LE(0) % n;
}

// Your operator: an action's index out of `legal`, or text that the game parses.
function decide(observation, request, seed) {
  const { legal } = observation;
  return legal[draw(seed, request, legal.length)];
}

function answer(request) {
  const { id, match, seat, tick, attempt = 0 } = request;
  const echo = { id, match, seat, tick, attempt };
  const seed = seeds.get(`${match}/${seat}`);
  if (seed === undefined) return { ...echo, error: "backend", detail: "this seat is not open" };
  if (request.budget === 0) return { ...echo, decision: { fault: "timeout" } };
  return { ...echo, decision: { answer: decide(request.observation, request, seed) } };
}

let session = "";
const handlers = {
  welcome(message) {
    session = message.session;
    return { type: "status", state: "ready" };
  },
  open({ match, seat, seed }) {
    seeds.set(`${match}/${seat}`, seed);
    return { type: "opened", match, seat };
  },
  act: ({ requests }) => ({ type: "action", session, answers: requests.map(answer) }),
  end({ match, seat }) {
    seeds.delete(`${match}/${seat}`);
    return { type: "closed", match, seat };
  },
  ping: ({ n = 0 }) => ({ type: "pong", n }),
  shutdown: () => ({ type: "bye" }),
  // Every question is answered before the next message is read, so there is nothing left to cancel.
  cancel: () => undefined,
  pong: () => undefined,
  error: () => undefined,
};

socket.connect(process.env.ARENA_ADDRESS);
// stdin is a pipe from the arena: end of file means that the arena is gone. The group is ours: our children go too.
process.stdin.resume();
process.stdin.on("end", () => process.kill(-process.pid, "SIGKILL"));
await send({
  type: "hello",
  token: process.env.ARENA_TOKEN,
  major: 1,
  minor: 0,
  kind: "node",
  name: "worker.mjs",
  version: "1",
  determinism: "deterministic",
});
for await (const [, header] of socket) {
  const message = decode(header);
  const handler = handlers[message.type];
  const reply = handler
    ? handler(message)
    : { type: "error", code: "unknown_message", text: `unknown message ${message.type}` };
  if (reply) await send(reply);
  if (message.type === "shutdown") break;
}
socket.close(); // what was sent is still delivered: linger
process.stdin.destroy();
