// Make videos of an image with fetch: `node fetch_videos.mjs URL "it turns its head" 3`. See README.md.
import { writeFile } from "node:fs/promises";

const base = (process.env.AKOOL_BASE_URL ?? "http://127.0.0.1:25665").replace(/\/+$/, "");
const api = `${base}/api/open/v4/image2Video`;
const headers = { "x-api-key": process.env.AKOOL_API_KEY ?? "my-key", "content-type": "application/json" };
const pauseMs = 1000 * Number(process.env.AKOOL_PAUSE_S ?? 3);
const deadline = Date.now() + 1000 * Number(process.env.AKOOL_PATIENCE_S ?? 300);
const later = [1005, 1108, 2001]; // nothing was done and nothing was paid
const completed = 3;
const failed = 4;

function end(why, code = 1) {
  console.error(why);
  process.exit(code);
}

async function pause() {
  if (Date.now() > deadline) end("it took too long");
  await new Promise((resume) => setTimeout(resume, pauseMs));
}

// Asks again where that does no harm: a create whose answer was lost may be paid.
async function ask(path, body, { reads = false } = {}) {
  for (;;) {
    let answer;
    try {
      answer = await (await fetch(`${api}/${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
    } catch (error) {
      if (!reads) end(`no answer, ${error.message}`);
      answer = { code: later[0] };
    }
    if (answer.code === 1000) return answer.data;
    if (!later.includes(answer.code)) end(`Akool says ${answer.code}: ${answer.msg}`);
    await pause();
  }
}

const [imageUrl, prompt, wanted, ...more] = process.argv.slice(2);
if (wanted === undefined || more.length > 0) end('usage: node fetch_videos.mjs URL "it turns its head" 3', 2);
const count = Number(wanted);
const video = { image_url: imageUrl, prompt, resolution: "720p", video_length: 5, count };
const batch = await ask("createBySourcePrompt/batch", video);
let lost = batch.errorList.length; // these were never made, although the code is 1000
const waiting = new Map(batch.successList.map((row, place) => [row._id, place + 1]));
while (waiting.size > 0) {
  await pause();
  // The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
  const { result } = await ask("resultsByIds", { _ids: [...waiting.keys()].join(",") }, { reads: true });
  for (const row of result) {
    if (row.status === completed && row.video_url) {
      const name = `video-${waiting.get(row._id)}.mp4`;
      await writeFile(name, Buffer.from(await (await fetch(row.video_url)).arrayBuffer()));
      console.log(name);
    }
    if ((row.status === completed && row.video_url) || row.status === failed) waiting.delete(row._id);
    if (row.status === failed) lost += 1;
  }
}
if (lost > 0) end(`${lost} of ${count} videos were not made`);
