// Put a face into a photo with axios: `node axios_faceswap.mjs FACE_URL PHOTO_URL`. See README.md.
import axios from "axios";
import { writeFile } from "node:fs/promises";

const base = (process.env.AKOOL_BASE_URL ?? "http://127.0.0.1:25665").replace(/\/+$/, "");
const api = `${base}/api/open/v3/faceswap`;
const headers = { "x-api-key": process.env.AKOOL_API_KEY ?? "my-key", "content-type": "application/json" };
const pauseMs = 1000 * Number(process.env.AKOOL_PAUSE_S ?? 3);
const deadline = Date.now() + 1000 * Number(process.env.AKOOL_PATIENCE_S ?? 300);
const noAnswer = 0; // nothing came, or nothing of Akool's: nobody knows whether the request did its work
const later = [1005, 1108, 2001]; // nothing was done and nothing was paid
const readLater = [...later, 1008, noAnswer]; // 1008: a job of ours may be unknown for a moment
const down = [429, 503]; // nothing was done either
const completed = 3;
const failed = 4;
const ends = ["ffd9", "49454e44ae426082"]; // of a whole JPEG, and of a whole PNG

function end(why, code = 1) {
  console.error(why);
  process.exit(code);
}

async function pause() {
  if (Date.now() > deadline) end("it took too long");
  await new Promise((resume) => setTimeout(resume, pauseMs));
}

const http = axios.create({ headers, timeout: 30_000, validateStatus: () => true });

// Returns a good answer; a request that may be paid is not sent again when its answer was lost.
async function ask(url, { body, again = true } = {}) {
  for (;;) {
    let answer;
    try {
      const response = await http.request({ url, method: body ? "POST" : "GET", data: body });
      answer = down.includes(response.status) ? { code: later[0] } : response.data;
      if (typeof answer !== "object") throw new Error("it is no JSON"); // axios hands out such a body as it is
    } catch (error) {
      answer = { code: noAnswer, msg: `no answer, ${error.message}` };
    }
    const code = answer.code ?? 1000; // face detection has error_code instead
    if (code === 1000) return answer;
    if (!(again ? readLater : later).includes(code)) end(`Akool says ${code}: ${answer.msg}`);
    await pause();
  }
}

// Returns the largest face of an image, as a swap takes it: the image, and where the face is in it.
async function faceOf(url) {
  const found = await ask(`${base}/interface/detect-api/detect_faces`, { body: { url, single_face: true } });
  const place = found.error_code === 0 && found.faces_obj["0"].landmarks_str[0];
  if (!place) end(`no face in ${url}: ${found.error_msg}`);
  return { path: url, opts: place };
}

// Returns a whole image, and asks again for one that is broken.
async function download(url) {
  for (;;) {
    try {
      const response = await axios.get(url, { responseType: "arraybuffer", timeout: 30_000, validateStatus: null });
      if ([403, 404].includes(response.status)) end(`the image is gone: HTTP ${response.status}`);
      const content = Buffer.from(response.data);
      if (ends.some((each) => content.subarray(-8).toString("hex").endsWith(each))) return content;
    } catch {
      // asked again below
    }
    await pause();
  }
}

const [faceUrl, photoUrl, ...more] = process.argv.slice(2);
if (photoUrl === undefined || more.length > 0) end("usage: node axios_faceswap.mjs FACE_URL PHOTO_URL", 2);
const swap = { sourceImage: [await faceOf(faceUrl)], targetImage: [await faceOf(photoUrl)], modifyImage: photoUrl };
const job = (await ask(`${api}/highquality/specifyimage`, { body: swap, again: false })).data;
let name = ""; // the answer has the URL already, but there is no file before the status is 3
while (!name) {
  await pause();
  // A row may be missing for a moment: no row is neither an end nor a mistake.
  for (const row of (await ask(`${api}/result/listbyids?_ids=${job._id}`)).data.result) {
    if (row.faceswap_status === failed) end(`job ${job._id} failed`); // nobody says why
    if (row.faceswap_status === completed && row.url) {
      name = `swapped${row.url.slice(row.url.lastIndexOf("."))}`;
      await writeFile(name, await download(row.url));
      console.log(name);
    }
  }
}
