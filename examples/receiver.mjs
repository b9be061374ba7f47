// Receives webhooks, checks and decrypts them, and prints what each tells: `node receiver.mjs`. See README.md.

import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { AKOOL_CLIENT_ID: id, AKOOL_CLIENT_SECRET: secret, HOST: host = "127.0.0.1", PORT: port = "8000" } = process.env;
const LIMIT = 1_000_000;

// The clientId and the clientSecret are texts that look like base64 or hex. Their own bytes count; decode neither.
function decrypt(data) {
  const key = Buffer.from(secret);
  const iv = Buffer.alloc(16);
  Buffer.from(id).copy(iv);
  const decipher = createDecipheriv(`aes-${8 * key.length}-cbc`, key, iv);
  return Buffer.concat([decipher.update(data, "base64"), decipher.final()]).toString();
}

// What an envelope tells; throws when it is not good. Nothing in it counts before the signature was checked.
function open(envelope) {
  const { signature, dataEncrypt, timestamp, nonce } = envelope;
  // `sort` without a function compares code units. One with localeCompare has another order.
  const parts = [id, String(timestamp), nonce, dataEncrypt].sort();
  const expected = createHash("sha1").update(parts.join("")).digest("hex");
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) throw new Error("it is not signed by Akool");
  return JSON.parse(decrypt(dataEncrypt));
}

async function receive(request, response) {
  try {
    const pieces = [];
    let size = 0;
    for await (const piece of request) {
      size += piece.length;
      if (size > LIMIT) throw new Error("it is too long");
      pieces.push(piece);
    }
    // The same may come twice, and late: what has ended in your records stays as it is.
    console.log(JSON.stringify(open(JSON.parse(Buffer.concat(pieces)))));
    response.end();
  } catch (error) {
    console.error(`refused: ${error.message}`);
    response.writeHead(400, { connection: "close" }).end();
  }
}

if (!id || !secret) {
  console.error("set AKOOL_CLIENT_ID and AKOOL_CLIENT_SECRET");
  process.exit(2);
}
const server = createServer(receive).listen(Number(port), host, () => {
  console.log(`listens on http://${host}:${server.address().port}`);
});
