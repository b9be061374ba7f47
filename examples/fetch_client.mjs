// Makes images of a prompt with fetch: `node fetch_client.mjs "a red fox"`. See README.md.

import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const { env } = process;
const base = (env.AKOOL_BASE_URL || "http://127.0.0.1:25665").replace(/\/+$/, "");
const api = `${base}/api/open/v3/content/image`;
const key = { "x-api-key": env.AKOOL_API_KEY || "my-key" };
const pause = 1000 * (env.AKOOL_PAUSE_S || 3);
const deadline = Date.now() + 1000 * (env.AKOOL_PATIENCE_S || 300);

function check(reply) {
  if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
  return reply;
}

// What an answer is about; throws if there is nothing.
async function data(reply) {
  const answer = await check(reply).json();
  if (answer.code !== 1000) throw new Error(`Akool says ${answer.code}: ${answer.msg}`);
  return answer.data;
}

// Repeats a GET, which costs nothing, while it is the network or the gateway that fails.
async function patiently(url, read, headers = {}) {
  while (Date.now() < deadline) {
    const reply = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) }).catch(() => null);
    if (reply && reply.status < 500) return read(reply);
    await sleep(pause);
  }
  throw new Error("it took too long");
}

async function main(prompt) {
  // Sent once: whoever creates again after a lost answer may pay twice.
  const reply = await fetch(`${api}/createbyprompt`, {
    method: "POST",
    headers: { ...key, "content-type": "application/json" },
    body: JSON.stringify({ prompt }),
    signal: AbortSignal.timeout(30_000),
  });
  let job = await data(reply);
  while (![3, 4].includes(job.image_status)) {
    await sleep(pause);
    job = await patiently(`${api}/infobymodelid?image_model_id=${job._id}`, data, key);
  }
  if (job.image_status === 4) throw new Error(`job ${job._id} failed: ${(job.error_reasons || []).join("; ")}`);
  const urls = job.upscaled_urls.length ? job.upscaled_urls : [job.image];
  for (const [index, url] of urls.entries()) {
    const image = await patiently(url, (reply) => check(reply).arrayBuffer());
    await writeFile(`image-${index + 1}.jpg`, Buffer.from(image));
    console.log(`image-${index + 1}.jpg`);
  }
}

if (process.argv.length !== 3) {
  console.error('usage: node fetch_client.mjs "a red fox"');
  process.exit(2);
}
main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
