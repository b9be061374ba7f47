// Make videos of an image with fetch: `node fetch_videos.mjs URL "it turns its head" 3`. See README.md.
import { writeFile } from "node:fs/promises";

const base = (process.env.AKOOL_BASE_URL ?? "http://127.0.0.1:25665").replace(/\/+$/, "");
const api = `${base}/api/open/v4/image2Video`;
const headers = { "x-api-key": process.env.AKOOL_API_KEY ?? "my-key", "content-type": "application/json" };
const pauseMs = 1000 * Number(process.env.AKOOL_PAUSE_S ?? 3);
const deadline = Date.now() + 1000 * Number(process.env.AKOOL_PATIENCE_S ?? 300);
const noAnswer = 0; // nothing came, or nothing of Akool's: nobody knows whether the request did its work
const later = [1005, 1108, 2001]; // nothing was done and nothing was paid
const readLater = [...later, 1008, noAnswer]; // 1008: a job of ours may be unknown for a moment
const down = [429, 503]; // nothing was done either
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

// Returns what a good answer is about; what may be paid is not sent again when its answer was lost.
async function ask(path, body, { again }) {
  for (;;) {
    let answer;
    try {
      const signal = AbortSignal.timeout(30_000);
      const response = await fetch(`${api}/${path}`, { method: "POST", headers, body: JSON.stringify(body), signal });
      answer = down.includes(response.status) ? { code: later[0] } : await response.json();
    } catch (error) {
      answer = { code: noAnswer, msg: `no answer, ${error.message}` };
    }
    if (answer.code === 1000) return answer.data;
    if (!(again ? readLater : later).includes(answer.code)) end(`Akool says ${answer.code}: ${answer.msg}`);
    await pause();
  }
}

// Returns whether the boxes of an MP4 fill it to its end; each begins with its size and its name.
function isWhole(video) {
  let place = 0;
  while (place + 8 <= video.length) {
    let size = video.readUInt32BE(place);
    if (size === 1) size = place + 16 <= video.length ? Number(video.readBigUInt64BE(place + 8)) : 16; // a large box
    place += size ? Math.max(size, 8) : video.length - place; // 0: up to the end
  }
  return place === video.length && video.toString("latin1", 4, 8) === "ftyp";
}

// Returns a whole video, or nothing when it is gone; asks again for one that is broken.
async function download(url) {
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      if ([403, 404].includes(response.status)) {
        console.error(`a video is gone: HTTP ${response.status}`);
        return undefined;
      }
      const content = Buffer.from(await response.arrayBuffer());
      if (isWhole(content)) return content;
    } catch {
      // asked again below
    }
    await pause();
  }
}

const [imageUrl, prompt, wanted, ...more] = process.argv.slice(2);
if (wanted === undefined || more.length > 0) end('usage: node fetch_videos.mjs URL "it turns its head" 3', 2);
const count = Number(wanted);
const video = { image_url: imageUrl, prompt, resolution: "720p", video_length: 5, count };
const batch = await ask("createBySourcePrompt/batch", video, { again: false });
let missing = batch.errorList.length; // these were never made, although the code is 1000
const waiting = new Map(batch.successList.map((row, place) => [row._id, place + 1]));
while (waiting.size > 0) {
  await pause();
  // The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
  const { result } = await ask("resultsByIds", { _ids: [...waiting.keys()].join(",") }, { again: true });
  for (const row of result) {
    const isDone = row.status === completed && row.video_url;
    if (!isDone && row.status !== failed) continue;
    const content = isDone && (await download(row.video_url)); // nobody says why a video failed
    if (content) {
      const name = `video-${waiting.get(row._id)}.mp4`;
      await writeFile(name, content);
      console.log(name);
    } else {
      missing += 1;
    }
    waiting.delete(row._id);
  }
}
if (missing > 0) end(`${missing} of ${count} videos are missing`);
