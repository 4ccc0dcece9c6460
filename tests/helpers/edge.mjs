/**
 * examples/edge on lines of JSON: `node edge.mjs read|challenge|handle FILE` prints a line of JSON for each.
 *
 * read       {keys, host, path}   what readToken returns, or {reason}
 * challenge  {keys, host, nonce}  {response}
 * handle     {method, url, headers, body, env}  {status, headers, body, recorded, posted}; bodies are in base64
 */

import { readFileSync } from "node:fs";

import handler from "../../examples/edge/handler.js";
import { answerChallenge, importKeys, readToken } from "../../examples/edge/reader.js";

const known = new Map();

function keysOf(texts) {
  const name = JSON.stringify(texts);
  if (!known.has(name)) {
    const keys = texts.map((text) =>
      text.startsWith("hex:") ? Uint8Array.from(Buffer.from(text.slice(4), "hex")) : text,
    );
    known.set(name, importKeys(keys));
  }
  return known.get(name);
}

async function read({ keys, host, path }) {
  try {
    return await readToken(await keysOf(keys), host, path);
  } catch (error) {
    return { reason: error.reason ?? `${error}` };
  }
}

async function challenge({ keys, host, nonce }) {
  return { response: await answerChallenge(await keysOf(keys), host, nonce) };
}

async function handle({ method, url, headers, body, env }) {
  const pending = [];
  const posted = [];
  globalThis.fetch = async (address, { method: verb, headers: sent, body: text }) => {
    posted.push({ address, verb, type: sent["Content-Type"], text });
    return new Response(null, { status: env.failing ? 500 : 204 });
  };
  const content = body === undefined ? undefined : Buffer.from(body, "base64");
  const request = new Request(url, { method, headers, body: content, duplex: "half" });
  const recorded = [];
  const response = await handler.fetch(
    request,
    { ...env, record: (event) => recorded.push(event) },
    { waitUntil: (promise) => pending.push(promise) },
  );
  await Promise.all(pending);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()).toString("base64"),
    recorded,
    posted,
    waited: pending.length,
  };
}

const [mode, file] = process.argv.slice(2);
const work = { read, challenge, handle }[mode];
for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
  process.stdout.write(`${JSON.stringify(await work(JSON.parse(line)))}\n`);
}
