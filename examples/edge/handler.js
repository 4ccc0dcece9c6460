/**
 * A redirect server of the fetch kind, as workers at the edge, Deno and Bun run it; serve.mjs runs it under Node.js.
 *
 * Settings (`env`):
 *   LINKWRAP_KEYS   signing keys or exported keys, separated by commas
 *   EVENTS_URL      where each event is posted as JSON; if it is not set,
 *   record          a function, is called with each event
 *   ADDRESS_HEADER  the header in which the platform writes the client's address, and that a client cannot set itself
 *
 * Responses and events are those of docs/howto/endpoint.md. README.md says what is missing.
 */

import { answerChallenge, decodePath, hostName, importKeys, InvalidToken, readToken } from "./reader.js";

const MAX_BODY = 4_096;
const MAX_AGE = 365 * 24 * 60 * 60;
const MAX_USER_AGENT = 512;
const EVENTS_TIMEOUT = 10_000;

/** No path that is told apart by its end is longer, with every character percent-encoded. */
const MAX_ROUTE = 256;

const CHALLENGE = "/.well-known/linkwrap/";
const PREFETCH_HEADERS = ["Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"];
const PREFETCH = /prefetch|preview|prerender/i;
const AGENTS = {
  scanner: /BarracudaCentral|BingPreview|HeadlessChrome|Googlebot|bingbot/i,
  preview: /facebookexternalhit|LinkedInBot|Slackbot|Twitterbot|TelegramBot|Discordbot|SkypeUriPreview/i,
  "image-proxy": /GoogleImageProxy|YahooMailProxy/i,
};
const MACHINES = ["scanner", "preview", "prefetch"];
const UNKNOWN = { visitor: "unknown", reasons: [] };
const ONE_TIME = /reset|passw|magic|log-?_?in|sign-?_?in|auth|verif|confirm|activat|invit|token|otp/i;

const TEXT = {
  "Content-Type": "text/plain; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
  "X-Robots-Tag": "noindex",
  "Cache-Control": "no-store",
};
const NO_REFERRER = { "Referrer-Policy": "no-referrer" };
const GIF = Uint8Array.from(atob("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="), (byte) =>
  byte.charCodeAt(0),
);
/** Gmail's image proxy keeps an image unless it is told so in every way. */
const GIF_HEADERS = {
  ...TEXT,
  "Content-Type": "image/gif",
  "Cache-Control": "private, no-store, no-cache, max-age=0, must-revalidate",
  Pragma: "no-cache",
  Expires: "Thu, 01 Jan 1970 00:00:00 GMT",
};
const PAGE = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Unsubscribe</title>
<style>
:root { color-scheme: light dark }
body { margin: 0; background: #fff; color: #1f2328; font: 1.125rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: 3rem 1.25rem; overflow-wrap: anywhere }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }
button { min-height: 3rem; padding: .5rem 1.5rem; border: 2px solid #0b57d0; border-radius: .5rem;
  background: #0b57d0; color: #fff; font: inherit; cursor: pointer }
button:focus-visible { outline: 3px solid currentColor; outline-offset: 3px }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #e8eaed }
  button { border-color: #a8c7fa; background: #a8c7fa; color: #062e6f }
  button:focus-visible { outline-color: #e8eaed }
}
</style>
<main>
<h1>Unsubscribe</h1>
<p>Do you want to unsubscribe from these messages?</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>
</main>
</html>
`;
const PAGE_HEADERS = {
  ...TEXT,
  ...NO_REFERRER,
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Frame-Options": "DENY",
};

/** Each of them answers a visit: a request, its host and path, and what the platform passes with it. */
const ROUTES = [
  { at: "/f/", methods: ["GET", "HEAD"], answer: redirect },
  { at: "/q/", methods: ["GET", "HEAD"], answer: pixel },
  { at: "/u/", methods: ["GET", "HEAD", "POST"], answer: unsubscribe },
  { at: CHALLENGE, methods: ["GET", "HEAD"], answer: challenge },
  { at: "/healthz", methods: ["GET", "HEAD"], answer: ({ request }) => respond(request, 200, "ok", TEXT) },
];

export default { fetch: answer };

let imported = { text: null, keys: null };

async function answer(request, env, context) {
  const { host, rawPath } = target(request.url);
  const path = decodePath(rawPath.slice(0, MAX_ROUTE));
  const route = ROUTES.find(({ at }) => (at.endsWith("/") ? path.startsWith(at) : path === at));
  if (!route) return notFound(request);
  if (!route.methods.includes(request.method)) return notAllowed(request, route.methods);
  return route.answer({ request, env, context, host, rawPath, path });
}

/**
 * Host and path of a request, as they stand in its URL. The host is that of the Host header or its successor in HTTP/2.
 *
 * Where request.url is made by the WHATWG URL standard, as in workers, Deno and Bun, the path is not quite what was
 * sent: `.` and `..` are resolved (`%2e` too), `\` becomes `/`, tabs and line feeds are dropped, and what is not ASCII is
 * percent-encoded. No character of a token is changed, and the signature covers all of them. Only a rest behind a
 * token can become another one: `\x` is ignored, `/x` is not. serve.mjs passes on the path as it was sent.
 */
function target(url) {
  const [, host, rawPath] = /^https?:\/\/([^/?#]*)([^?#]*)/i.exec(url);
  return { host, rawPath };
}

async function redirect(visit) {
  const click = await read(visit, "click");
  if (!click) return invalid(visit.request);
  const type = click.unsubscribe && !MACHINES.includes(visitorOf(visit.request).visitor) ? "link_unsubscribe" : "click";
  report(visit, type, click);
  return respond(visit.request, 302, "Found.\n", { ...TEXT, ...NO_REFERRER, Location: click.url });
}

async function pixel(visit) {
  const open = await read(visit, "open");
  if (open) report(visit, open.initial ? "initial_open" : "open", open);
  return respond(visit.request, 200, GIF, GIF_HEADERS);
}

async function unsubscribe(visit) {
  const { request } = visit;
  const token = await read(visit, "unsubscribe");
  if (!token) return invalid(request);
  if (request.method !== "POST") return respond(request, 200, PAGE, PAGE_HEADERS);
  const headers = { ...TEXT, ...NO_REFERRER };
  if (await isOneClick(request)) {
    report(visit, "list_unsubscribe", token);
    return respond(request, 200, "Your request to unsubscribe was received.\n", headers);
  }
  return respond(request, 400, "The body is not List-Unsubscribe=One-Click.\n", headers);
}

async function challenge({ request, env, host, path }) {
  const nonce = path.slice(CHALLENGE.length);
  const response = /^[0-9A-Fa-f]{32}$/.test(nonce) ? await answerChallenge(await keysOf(env), host, nonce) : null;
  return response === null ? notFound(request) : respond(request, 200, response, TEXT);
}

/** What the visit's token holds, or null if it is not valid. */
async function read({ env, host, rawPath }, kind) {
  const keys = await keysOf(env);
  try {
    const token = await readToken(keys, host, rawPath);
    return token.kind === kind ? token : null;
  } catch (error) {
    if (error instanceof InvalidToken) return null;
    throw error;
  }
}

/** The keys; they are imported once and not for each request. */
function keysOf(env) {
  const text = env.LINKWRAP_KEYS;
  if (!text) throw new Error("LINKWRAP_KEYS is not set");
  if (imported.text !== text) imported = { text, keys: importKeys(text.split(",").map((key) => key.trim())) };
  return imported.keys;
}

/** Whether the body is the form of RFC 8058, section 3.1, urlencoded or multipart. A body over MAX_BODY is not. */
async function isOneClick(request) {
  const body = await bodyOf(request);
  if (body === null) return false;
  const type = request.headers.get("Content-Type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return new TextDecoder().decode(body).split("&").some(isWish);
  try {
    const form = await new Response(body, { headers: { "Content-Type": type } }).formData();
    return [...form].some(([name, value]) => isWish(`${name}=${value}`));
  } catch {
    return false; // not a form
  }
}

function isWish(field) {
  return field.toLowerCase() === "list-unsubscribe=one-click";
}

async function bodyOf(request) {
  const body = new Uint8Array(MAX_BODY);
  let length = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length > MAX_BODY) {
      await reader.cancel();
      return null;
    }
    body.set(value, length);
    length += value.length;
  }
  return body.subarray(0, length);
}

/** Hand on an event. The reader's response does not wait for it, and does not fail with it. */
function report({ request, env, context, host }, type, token) {
  const now = Math.floor(Date.now() / 1000);
  // The POST of an unsubscribe is a wish, whoever sends it.
  const { visitor, reasons } = type === "list_unsubscribe" ? UNKNOWN : visitorOf(request);
  const event = {
    schema: 1,
    event_id: crypto.randomUUID(),
    type,
    timestamp: now,
    account_id: token.accountId,
    tracking_domain: hostName(host),
    target_link_url: token.url && shown(token),
    target_link_name: token.linkName,
    target_link_part: token.part,
    target_link_index: token.index,
    rcpt_meta: token.metadata,
    sent_at: token.sentAt,
    expired: now - token.sentAt > MAX_AGE,
    anonymous: token.anonymous,
    visitor,
    visitor_reasons: reasons,
    ip_address: token.anonymous || !env.ADDRESS_HEADER ? null : cutAddress(request.headers.get(env.ADDRESS_HEADER)),
    user_agent: token.anonymous ? null : userAgent(request),
    repeated: 1,
    machine: MACHINES.includes(visitor),
  };
  const lost = (error) => console.error(`an event was lost: ${error.name}`);
  const recorded = record(event, token.metadataText, env).catch(lost);
  context?.waitUntil?.(recorded); // where there is none, the platform lets it end by itself
}

async function record(event, metadataText, env) {
  if (!env.EVENTS_URL) return env.record?.(event);
  const { rcpt_meta: _, ...others } = event;
  const response = await fetch(env.EVENTS_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    // The metadata as it was signed: JavaScript would round integers above 2 ** 53, and ids can be such.
    body: `${JSON.stringify(others).slice(0, -1)},"rcpt_meta":${metadataText}}`,
    redirect: "manual",
    signal: AbortSignal.timeout(EVENTS_TIMEOUT),
  });
  await response.body?.cancel();
  if (!response.ok) throw Object.assign(new Error(), { name: `status ${response.status}` });
}

/** The destination as an event may have it: without a user, that of an anonymous message without query and fragment. */
function shown(token) {
  const url = withoutSecret(withoutUser(token.url));
  return token.anonymous ? url.split(/[?#]/, 1)[0] : url;
}

/** The destination without the user and password before its host. */
function withoutUser(destination) {
  return destination.replace(/^([a-z]+:\/\/)[^/?#]*@/, "$1");
}

/**
 * The first 24 bits of an IPv4 address, the first 48 of an IPv6 address; null for what is no address. An IPv4 address in an
 * IPv6 address is taken out first: linkwrap.endpoint.cut_address has the forms.
 */
function cutAddress(address) {
  const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  const dotted = new RegExp(`^(${octet}\\.${octet}\\.${octet}\\.)${octet}$`).exec(address ?? "");
  if (dotted) return `${dotted[1]}0`;
  const plain = (address ?? "").split("%", 1)[0];
  if (!/^[0-9a-f:.]{2,45}$/i.test(plain) || !URL.canParse(`http://[${plain}]/`)) return null;
  const groups = groupsOf(plain);
  const inside = embedded(groups);
  if (inside) return `${inside.slice(0, 3).join(".")}.0`;
  return canonical(`${groups.slice(0, 3).map((group) => group.toString(16)).join(":")}::`);
}

/** An IPv6 address in its one spelling (RFC 5952), without dots. */
function canonical(address) {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address) {
  const [first, last] = canonical(address)
    .split("::")
    .map((half) => half.split(":").filter(Boolean));
  const zeros = Array(8 - first.length - (last?.length ?? 0)).fill("0");
  return [...first, ...zeros, ...(last ?? [])].map((group) => parseInt(group, 16));
}

/** The four numbers of the IPv4 address that an IPv6 address embeds; null if it embeds none. */
function embedded(groups) {
  const octets = groups.flatMap((group) => [group >> 8, group & 255]);
  const begins = (...start) => start.every((group, at) => groups[at] === group);
  if (begins(0, 0, 0, 0, 0, 0xffff) || begins(0x64, 0xff9b, 0, 0, 0, 0)) return octets.slice(12);
  if (begins(0x64, 0xff9b, 1)) {
    // RFC 6052, section 2.2: the address ends where only zeros follow, and skips bits 64 to 71.
    const rest = [...octets.slice(6, 8), ...octets.slice(9)];
    const start = [0, 1, 2].find((at) => rest.slice(at + 4).every((octet) => octet === 0)) ?? 5;
    return rest.slice(start, start + 4);
  }
  if (begins(0x2002)) return octets.slice(2, 6);
  if (begins(0x2001, 0)) return octets.slice(12).map((octet) => octet ^ 255);
  return (groups[4] & 0xfdff) === 0 && groups[5] === 0x5efe ? octets.slice(12) : null;
}

/**
 * The destination without the secret of a one-time link (a password reset, a login), as far as it can be recognised: by
 * a word for such a purpose, and a piece of 16 characters or more with a digit or mixed case. The endpoint of linkwrap
 * guesses less widely.
 */
function withoutSecret(destination) {
  const isSecret = (piece) => piece.length >= 16 && /[0-9]|[a-z][A-Z]/.test(piece);
  const { origin, pathname, search, hash } = new URL(destination);
  const rest = pathname + search + hash;
  if (!ONE_TIME.test(rest) || !rest.split(/[/?&=#;]/).some(isSecret)) return destination;
  const segments = pathname.split("/");
  const first = segments.findIndex(isSecret);
  return origin + (first < 0 ? pathname : `${segments.slice(0, first).join("/")}/`);
}

/** Whether the request itself shows that no reader made it. */
/** What the request itself shows of its visitor, and by which signs. */
function visitorOf(request) {
  const header = (name) => request.headers.get(name) ?? "";
  const visitor = Object.keys(AGENTS).find((name) => AGENTS[name].test(header("User-Agent")));
  if (MACHINES.includes(visitor)) return { visitor, reasons: ["agent"] };
  const reasons = request.method === "HEAD" ? ["head"] : [];
  if (PREFETCH_HEADERS.some((name) => PREFETCH.test(header(name)))) reasons.push("prefetch-header");
  if (reasons.length) return { visitor: "prefetch", reasons };
  return visitor ? { visitor, reasons: ["agent"] } : UNKNOWN;
}

function userAgent(request) {
  const text = request.headers.get("User-Agent")?.slice(0, MAX_USER_AGENT);
  return text?.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, "") ?? null;
}

function notAllowed(request, methods) {
  const text = `Only ${methods.slice(0, -1).join(", ")} and ${methods.at(-1)} are allowed.\n`;
  return respond(request, 405, text, { ...TEXT, Allow: methods.join(", ") });
}

function invalid(request) {
  return respond(request, 404, "This link is not valid. Please open it from the message it came in.\n", TEXT);
}

function notFound(request) {
  return respond(request, 404, "Not found.\n", TEXT);
}

function respond(request, status, body, headers) {
  return new Response(request.method === "HEAD" ? null : body, { status, headers });
}
