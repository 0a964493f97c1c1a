// Uploads with libraries for Node.js: node.mjs LIBRARY; see uploads.py for what it reads and prints.
// LIBRARY: http, fetch, axios, http2, undici-h2.

import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import readline from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

const [library] = process.argv.slice(2);

async function* pieces(length, pause) {
  for (let left = length; left > 0; left -= 65536) {
    if (pause && left <= length / 2) {
      await sleep(pause * 1000);
      pause = 0;
    }
    yield Buffer.alloc(Math.min(left, 65536));
  }
}

async function text(stream) {
  const body = [];
  for await (const piece of stream) body.push(piece);
  return Buffer.concat(body).toString();
}

const libraries = {
  http(url, headers, body) {
    return new Promise((resolve, reject) => {
      const { request } = url.startsWith("https") ? https : http;
      const posted = request(url, { method: "POST", headers, agent: false }, (answer) => {
        text(answer).then((body) => resolve([answer.statusCode, body]), reject);
      });
      posted.on("error", reject);
      body.pipe(posted);
    });
  },

  async fetch(url, headers, body) {
    const answer = await fetch(url, { method: "POST", headers, body, duplex: "half" });
    return [answer.status, await answer.text()];
  },

  async axios(url, headers, body) {
    const { default: axios } = await import("axios");
    const answer = await axios.post(url, body, {
      headers: { ...headers, "content-type": "application/octet-stream" }, maxRedirects: 0, maxBodyLength: Infinity,
      responseType: "text", transformResponse: (text) => text, validateStatus: () => true,
    });
    return [answer.status, answer.data];
  },

  async http2(url, headers, body) {
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
    body.pipe(request);
    try {
      return await answer;
    } finally {
      session.destroy();
    }
  },

  async "undici-h2"(url, headers, body) {
    const { request, Agent } = await import("undici");
    const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
    try {
      const answer = await request(url, { method: "POST", headers, body, dispatcher });
      return [answer.statusCode, await answer.body.text()];
    } finally {
      dispatcher.destroy();
    }
  },
};

async function version() {
  if (library === "axios") return (await import("axios")).VERSION;
  if (library === "undici-h2") return (await import("undici/package.json", { with: { type: "json" } })).default.version;
  return process.versions.node;
}

const print = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

// What a library throws behind our back belongs to the upload that is under way.
let fail = () => {};
process.on("uncaughtException", (error) => fail(error));

print({ version: await version() });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [url, size, mode, pause] = line.split(" ");
  const headers = mode === "declared" ? { "content-length": size } : {};
  const body = Readable.from(pieces(Number(size), Number(pause)), { objectMode: false });
  body.on("error", () => {});
  try {
    const thrown = new Promise((_, reject) => { fail = reject; });
    const [status, text] = await Promise.race([libraries[library](url, headers, body), thrown]);
    print({ status, body: text });
  } catch (error) {
    print({ error: `${error.name}: ${error.message}${error.cause ? ` (${error.cause.message})` : ""}` });
  }
  body.destroy();
}
process.exit(0);
