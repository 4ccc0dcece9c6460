/** handler.js under Node.js, to try it: LINKWRAP_KEYS=… node serve.mjs [PORT] */

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { webcrypto } from "node:crypto";

import handler from "./handler.js";

globalThis.crypto ??= webcrypto; // Node.js 18

const ADDRESS_HEADER = "X-Remote-Address";

async function answer(message) {
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2)
    headers.append(message.rawHeaders[at], message.rawHeaders[at + 1]);
  headers.set(ADDRESS_HEADER, message.socket.remoteAddress);
  const body = message.method === "POST" ? Readable.toWeb(message) : undefined;
  const request = new Request("http://localhost/", { method: message.method, headers, body, duplex: "half" });
  // Request would normalise the path; this is the one that was sent.
  Object.defineProperty(request, "url", { value: `http://${message.headers.host ?? ""}${message.url}` });
  return handler.fetch(
    request,
    { record: (event) => console.log(JSON.stringify(event)), ...process.env, ADDRESS_HEADER },
    {},
  );
}

const server = createServer(async (message, reply) => {
  try {
    if (!message.url.startsWith("/") || /[/?#\\@]/.test(message.headers.host))
      throw new TypeError("the target is not a path");
    const response = await answer(message);
    reply.writeHead(response.status, Object.fromEntries(response.headers));
    reply.end(new Uint8Array(await response.arrayBuffer()));
  } catch (error) {
    console.error(`a request failed: ${error.name}`);
    reply.writeHead(error instanceof TypeError ? 400 : 500, { Connection: "close" }).end();
  }
});

server.listen(Number(process.argv[2] ?? 8080), "localhost", () => {
  console.log(`listening on http://localhost:${server.address().port}/`);
});
