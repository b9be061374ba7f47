// What a caller sees of each fault through examples/answering_fetch.mjs: `node answered_fetch.mjs FAKE TOKEN`.

import assert from "node:assert/strict";

import { answeringFetch } from "../../examples/answering_fetch.mjs";

const [fake, token] = process.argv.slice(2);
const network = globalThis.fetch;
const quota = "https://openapi.akool.com/api/open/v3/faceswap/quota/info";
const headers = { "x-api-key": "my-key" };

// Whatever goes anywhere but to the fake fails the test.
globalThis.fetch = (url, init) => {
  assert.equal(new URL(url).origin, fake);
  return network(url, init);
};
const otherwise = async (url) => new Response(`to ${url}`);
const fetch = answeringFetch(`${fake}/`, { otherwise });

async function next(fault) {
  const rules = [{ on: "quota/info", nth: 1, fault }];
  for (const [method, path, body] of [["POST", "reset", {}], ["POST", "scenario/rules", { rules }]]) {
    const reply = await network(`${fake}/_mock/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    assert(reply.ok, await reply.text());
  }
}

async function pieces(reply) {
  const got = [];
  const reader = reply.body.getReader();
  try {
    for (let each = await reader.read(); !each.done; each = await reader.read()) got.push(Buffer.from(each.value));
  } catch (error) {
    return { got, error };
  }
  return { got };
}

// Only the path and the query matter, and other hosts are let through.
for (const url of [quota, new URL(quota), new Request(quota, { headers }), quota.replace("https:", "http:")]) {
  const reply = await fetch(url, url instanceof Request ? undefined : { headers });
  assert.equal((await reply.json()).code, 1000);
  assert.match(reply.headers.get("content-type"), /^application\/json/);
}
assert.equal(await (await fetch("https://my-app.test/")).text(), "to https://my-app.test/");
assert.equal((await fetch(`${quota}?x=1`, { method: "HEAD", headers })).body, null);

const unsigned = await fetch(quota);
assert.notEqual((await unsigned.json()).code, 1000);

// A body of bytes that are no text arrives as it is, and is no JSON for the fake.
const create = "https://openapi.akool.com/api/open/v3/content/image/createbyprompt";
const odd = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: new Uint8Array([255]) };
assert.notEqual((await (await fetch(create, odd)).json()).code, 1000);

// The end of a connection
for (const [kind, code] of [["drop", "UND_ERR_SOCKET"], ["reset", "ECONNRESET"]]) {
  await next({ [kind]: true });
  await assert.rejects(fetch(quota, { headers }), (error) => error instanceof TypeError && error.cause.code === code);
}
await next({ truncate: 10 });
const cut = await pieces(await fetch(quota, { headers }));
assert.equal(Buffer.concat(cut.got).toString(), '{"code":10');
assert(cut.error instanceof TypeError);
await next({ truncate: 10 });
await assert.rejects((await fetch(quota, { headers })).json(), TypeError);

// Statuses
const preflight = await fetch(quota, { method: "OPTIONS" });
assert.deepEqual([preflight.status, preflight.body], [204, null]);
for (const status of [304, 502, 599]) {
  await next({ http: status });
  const reply = await fetch(quota, { headers });
  assert.equal(reply.status, status);
  assert.equal(reply.body === null, status < 500);
}

// Time
await next({ delay: "300ms" });
let began = performance.now();
assert.equal((await fetch(quota, { headers })).status, 200);
assert(performance.now() - began >= 290);
for (const fault of [{ delay: "1h" }, { delay: "1000h" }]) {
  await next(fault);
  began = performance.now();
  await assert.rejects(fetch(quota, { headers, signal: AbortSignal.timeout(400) }), { name: "TimeoutError" });
  assert(performance.now() - began < 20_000);
}
await next({ delay: "1h" });
const why = new Error("enough");
const controller = new AbortController();
setTimeout(() => controller.abort(why), 300);
await assert.rejects(fetch(new Request(quota, { headers, signal: controller.signal })), why);
await assert.rejects(fetch(quota, { headers, signal: AbortSignal.abort(why) }), why);

await next({ drip: { bytes: 20, every: "10ms" } });
const dripped = await pieces(await fetch(quota, { headers }));
assert(dripped.got.length > 1 && dripped.got[0].length === 20, dripped);
assert.equal(JSON.parse(Buffer.concat(dripped.got)).code, 1000);
console.log("all as it should be");
