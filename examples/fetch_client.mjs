// Makes images of a prompt with fetch: `node fetch_client.mjs "a red fox"`. See README.md.

import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const { env } = process;
const base = (env.AKOOL_BASE_URL || "http://127.0.0.1:25665").replace(/\/+$/, "");
const api = `${base}/api/open/v3/content/image`;
const key = { "x-api-key": env.AKOOL_API_KEY || "my-key" };
const pause = 1000 * (env.AKOOL_PAUSE_S || 3);
const deadline = Date.now() + 1000 * (env.AKOOL_PATIENCE_S || 300);

const NO_ANSWER = 0; // nothing came, or nothing of Akool's: nobody knows whether the request did its work
const LATER = [1005, 1108, 2001]; // nothing was done and nothing was paid
const AGAIN = { POST: LATER, GET: [...LATER, 1008, NO_ANSWER] }; // 1008: a job of ours may be unknown for a moment

async function rest() {
  if (Date.now() > deadline) throw new Error("it took too long");
  await sleep(pause);
}

// What an answer is about. Asks again where that does no harm, which is never so for a create that is paid.
async function ask(method, url, body) {
  const headers = { ...key, "content-type": "application/json" };
  for (;;) {
    const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(30_000) })
      .then((reply) => reply.json())
      .catch((error) => ({ code: NO_ANSWER, msg: `no answer, ${error.message}` }));
    if (answer.code === 1000) return answer.data;
    if (!AGAIN[method].includes(answer.code)) throw new Error(`Akool says ${answer.code}: ${answer.msg}`);
    await rest();
  }
}

// A whole image; asks again for one that is broken.
async function download(url) {
  for (;;) {
    const reply = await fetch(url, { signal: AbortSignal.timeout(30_000) }).catch(() => null);
    if ([403, 404].includes(reply?.status)) throw new Error(`the image is gone: HTTP ${reply.status}`);
    const image = Buffer.from((await reply?.arrayBuffer().catch(() => null)) ?? []);
    if (image.subarray(-2).equals(Buffer.from([0xff, 0xd9]))) return image;
    await rest();
  }
}

async function main(prompt) {
  let job = await ask("POST", `${api}/createbyprompt`, JSON.stringify({ prompt }));
  let urls = [];
  while (!urls.length) {
    await rest();
    job = await ask("GET", `${api}/infobymodelid?image_model_id=${job._id}`);
    if (job.image_status === 4) throw new Error(`job ${job._id} failed: ${(job.error_reasons || []).join("; ")}`);
    // Status 3 alone is no image.
    if (job.image_status === 3) urls = job.upscaled_urls?.length ? job.upscaled_urls : [job.image].filter(Boolean);
  }
  for (const [index, url] of urls.entries()) {
    await writeFile(`image-${index + 1}.jpg`, await download(url));
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
