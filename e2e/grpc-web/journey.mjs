// The way of a newcomer over gRPC-Web: sign in, post, like, comment, read, sign out. Nothing is generated: the contracts are
// read when the journey begins. Arguments: the address of the API, a file with its descriptor set.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const [baseUrl, descriptorSet] = process.argv.slice(-2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(descriptorSet)));

let token;
const authorize = (next) => (request) => {
  if (token) request.header.set("Authorization", `Bearer ${token}`);
  return next(request);
};
const transport = createGrpcWebTransport({ baseUrl, interceptors: [authorize] });
const service = (name) => createClient(registry.getService(`smilefactory.${name}`), transport);
const auth = service("auth.v1.AuthService");
const feed = service("feed.v1.FeedService");

/** Reads the newest code that was mailed to an address. */
async function codeFor(email) {
  for (let tries = 0; tries < 100; tries += 1) {
    const reply = await fetch(`${baseUrl}/dev/inbox.json?limit=1&to=${encodeURIComponent(email)}`);
    const code = (await reply.json()).data[0]?.text.match(/\b\d{6}\b/)?.[0];
    if (code) return code;
    await pause(100);
  }
  assert.fail(`no code came for ${email}`);
}

/** Returns the error a call ends with. */
async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  assert.fail("the call was not refused");
}

/** Returns one of the details every error of ours has. */
function detail(error, type) {
  const [found] = error.findDetails(registry).filter((it) => it.$typeName === `google.rpc.${type}`);
  assert.ok(found, `no ${type} in ${error}`);
  return found;
}

const email = "ada@example.com";
await auth.sendOtp({ email });
const session = await auth.verifyOtp({ email, code: await codeFor(email) });
token = session.accessToken;
assert.ok(token);

const me = await auth.getMe({});
assert.equal(me.email, email);
assert.equal(me.firstLogin, true);

// The stream of new posts is open when its head is there.
const leave = new AbortController();
let opened;
const open = new Promise((resolve) => (opened = resolve));
const stream = feed.streamFeed({}, { signal: leave.signal, onHeader: opened });
const arriving = stream[Symbol.asyncIterator]().next();
await open;

const PostType = registry.getEnum("smilefactory.feed.v1.PostType");
const general = PostType.values.find((it) => it.name === "POST_TYPE_GENERAL").number;
const post = await feed.createPost({ type: general, content: "Hello from a browser!", tags: ["grpc-web"] });
assert.equal(post.content, "Hello from a browser!");

const { value: arrived } = await arriving;
assert.equal(arrived.event, "post:new");
assert.equal(arrived.post.id, post.id);
leave.abort();

const liked = await feed.likePost({ id: post.id });
assert.equal(liked.liked, true);
const comment = await feed.createComment({ id: post.id, content: "And a comment." });
assert.equal(comment.depth, 1);

const mine = await feed.listFeed({ filter: JSON.stringify({ tags: "grpc-web" }) });
assert.equal(mine.items.length, 1);
assert.equal(mine.items[0].likesCount, 1);

const wrong = await refusal(feed.createPost({ type: general, content: "" }));
assert.equal(wrong.code, Code.InvalidArgument);
assert.equal(detail(wrong, "ErrorInfo").reason, "VALIDATION_ERROR");
assert.equal(detail(wrong, "ErrorInfo").domain, "smilefactory");
assert.equal(detail(wrong, "BadRequest").fieldViolations[0].field, "content");
assert.equal(detail(wrong, "RequestInfo").requestId, wrong.metadata.get("x-request-id"));

const internal = await refusal(auth.checkSession({ sessionId: post.id }));
assert.equal(internal.code, Code.Unimplemented);

await auth.logout({});
for (let tries = 0; ; tries += 1) {
  try {
    await auth.getMe({});
  } catch (error) {
    assert.equal(detail(ConnectError.from(error), "ErrorInfo").reason, "TOKEN_REVOKED");
    break;
  }
  // Two seconds are promised (N-5).
  assert.ok(tries < 20, "the token still opens the door");
  await pause(100);
}
console.log("arrived");
