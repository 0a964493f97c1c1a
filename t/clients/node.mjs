// Uploads with Node.js: node.mjs http2|undici URL SIZE declared|undeclared
// Prints status and body of the answer, or the error.

import http2 from "node:http2";
import { Readable } from "node:stream";

const [library, url, size, mode] = process.argv.slice(2);
const length = Number(size);
const headers = mode === "declared" ? { "content-length": String(length) } : {};

function* pieces() {
  for (let left = length; left > 0; left -= 65536) yield Buffer.alloc(Math.min(left, 65536));
}

async function overHttp2() {
  const { origin, pathname } = new URL(url);
  const session = http2.connect(origin, { rejectUnauthorized: false });
  const request = session.request({ ":method": "POST", ":path": pathname, ...headers });
  const answer = new Promise((resolve, reject) => {
    let status;
    const body = [];
    request.on("response", (fields) => { status = fields[":status"]; });
    request.on("data", (piece) => body.push(piece));
    request.on("end", () => resolve([status, Buffer.concat(body).toString()]));
    request.on("error", reject);
    session.on("error", reject);
  });
  Readable.from(pieces()).pipe(request);
  try {
    return await answer;
  } finally {
    session.destroy();
  }
}

async function overUndici() {
  const { request, Agent } = await import("undici");
  const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
  const { statusCode, body } = await request(url, { method: "POST", headers, body: Readable.from(pieces()), dispatcher });
  return [statusCode, await body.text()];
}

const timer = setTimeout(() => { console.log("no answer in 30 seconds"); process.exit(1); }, 30000);
try {
  const [status, body] = await (library === "http2" ? overHttp2() : overUndici());
  console.log(status, body.trim());
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
}
clearTimeout(timer);
process.exit(0);
