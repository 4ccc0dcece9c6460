/**
 * A reader of linkwrap's redirect URLs, wire format 2, written from docs/token.md alone.
 *
 * It needs nothing but Web Crypto, so it runs unchanged in Node.js 18 and later, Deno, Bun, browsers and workers at the
 * edge. It never decodes what it has not verified, takes linear time, and bounds all that it is given.
 *
 *     const keys = await importKeys(["a secret of at least 16 bytes"]);
 *     const click = await readToken(keys, "click.acme.com", "/f/a/2hALexample…");
 */

const MAX_PATH = 32_768;
const MAX_REST = 512;
const MAX_HOST = 253;
const MIN_SECRET = 16;
/** Of so many hosts, the derived keys are kept. A host is kept only once a token for it has verified. */
const MAX_CACHED_HOSTS = 1_000;

const EXPORTED = "linkwrap-host:";
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const LINK_WORDS = table(
  "ABCDEFGHIJKLMNOPQRSTVWY",
  '/ . = & ? % # : @ , + https://www. https:// http://www. http:// .com/ email unsubscribe ' +
    'utm_source= &utm_medium= &utm_campaign= &utm_content= ","',
);
const CONTEXT_WORDS = {
  ...table("ABCDEFGIJKLMNOPQRST", '/ . = " : , @ + { } [ ] ",{" ":" "," campaign_id message_id user_id rcpt'),
  H: " ",
};
const PARTS = { h: "html", t: "text", a: "amp", u: "url" };
const PIXELS = {
  o: { part: "html", initial: false },
  i: { part: "html", initial: true },
  a: { part: "amp", initial: false },
};

/** A host name of two labels or more, and no address: the last label is not a number. */
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(?:localhost|(?:${LABEL}\\.)+(?!(?:[0-9]+|0x[0-9a-f]*)$)${LABEL})$`, "i");
const TOKEN = /^(?:\/(f)\/([A-Za-z0-9_-]{1,64})|\/([qu]))\/2([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})/;
/** What caches and proxies take for another file: a slash or a semicolon, however often it is percent-encoded. */
const OTHER_FILE = /^(?:[/;]|%(?:25)*(?:2f|3b))/i;
/** LINK after its PLACE. */
const PLACE = /^(?:([hta])(?:([A-Za-f])|([g-z0-9_-])([A-Za-z0-9_-]))|([HTAu]))/;
/** One escape, raw run or word; a raw run's own characters follow. */
const PIECE = /U([a-z])|X([0-7][0-9a-f])|Z([A-Za-z0-9])|([A-Z])|([a-z0-9_-]+)/y;

const encoder = new TextEncoder();

/** A URL that was not made with these keys for this host, or that does not have the form of one. */
export class InvalidToken extends Error {
  /** @param {"too-long" | "malformed" | "signature" | "destination"} reason */
  constructor(reason) {
    super(`the redirect URL is not valid: ${reason}`);
    this.name = "InvalidToken";
    this.reason = reason;
  }
}

/** Signing keys. Its fields are private, so that no log prints them. */
class Keys {
  #entries;
  #hosts = new Map();

  constructor(entries) {
    this.#entries = entries;
  }

  /** Whether any key made this signature. All are tried, whether one fits or not. */
  async verify(host, path, signature) {
    const hostKeys = this.#hosts.get(host) ?? (await this.#derive(host));
    let verified = false;
    for (const key of hostKeys) {
      const expected = base64url((await hmac(key, path)).subarray(0, 16));
      verified = equal(expected, signature) || verified;
    }
    // Anybody can send any host, but has a valid token for few of them.
    if (verified && !this.#hosts.has(host)) {
      if (this.#hosts.size >= MAX_CACHED_HOSTS) this.#hosts.delete(this.#hosts.keys().next().value);
      this.#hosts.set(host, hostKeys);
    }
    return verified;
  }

  /** The response of the first secret to a challenge, or null: an exported key has none. */
  async challenge(host, nonce) {
    const first = this.#entries.find((entry) => entry.verifyKey);
    return first ? base64url((await hmac(first.verifyKey, `${host}/${nonce}`)).subarray(0, 16)) : null;
  }

  async #derive(host) {
    const keys = [];
    for (const entry of this.#entries) {
      if (entry.root) keys.push(await hmacKey(await hmac(entry.root, host)));
      else if (entry.host === host) keys.push(entry.key);
    }
    return keys;
  }
}

/**
 * Make signing keys usable.
 *
 * @param {Iterable<string | Uint8Array>} texts secrets, and exported keys `linkwrap-host:HOST:KEY`
 * @returns {Promise<Keys>} what `readToken` takes
 * @throws {TypeError} for an entry that cannot be a key; the message does not contain it
 */
export async function importKeys(texts) {
  const entries = [];
  for (const text of typeof texts === "string" ? [texts] : texts) entries.push(await importEntry(text));
  if (!entries.length) throw new TypeError("there is no signing key");
  return new Keys(entries);
}

/**
 * Read the path of a redirect URL.
 *
 * @param {Keys} keys what `importKeys` returned
 * @param {string} host the host that the request was sent to; a port and a trailing dot are cut off
 * @param {string} rawPath the path as the client sent it, not decoded; a query is cut off
 * @returns {Promise<{kind: "click" | "open" | "unsubscribe", url: string | null, linkName: string | null,
 *   unsubscribe: boolean, sublink: string | null, part: "html" | "text" | "amp" | "url" | null, index: number | null,
 *   initial: boolean, anonymous: boolean, accountId: string, metadata: object, metadataText: string, sentAt: number,
 *   token: string}>} `sentAt` in seconds since 1970 UTC; `token` the canonical form; `metadataText` the metadata's
 *   JSON, whose integers may have more digits than a JavaScript number keeps
 * @throws {InvalidToken} with the `reason`
 */
export async function readToken(keys, host, rawPath) {
  const query = rawPath.indexOf("?");
  const path = query < 0 ? rawPath : rawPath.slice(0, query);
  if (path.length > MAX_PATH) throw new InvalidToken("too-long");

  const name = hostName(host);
  const decoded = decodePath(path);
  const found = TOKEN.exec(decoded);
  if (name === null || !found || !isIgnored(decoded.slice(found[0].length))) throw new InvalidToken("malformed");
  const [token, click, sublink, other, link, context, signature] = found;

  const signed = token.slice(0, -signature.length - 1);
  if (!(await keys.verify(name, signed, signature))) throw new InvalidToken("signature");

  const blank = {
    url: null,
    linkName: null,
    unsubscribe: false,
    sublink: null,
    part: null,
    index: null,
    initial: false,
  };
  const message = readContext(context);
  if (click) return { kind: "click", ...blank, sublink, ...readLink(link), ...message, token };
  if (other === "u" && link === "u") return { kind: "unsubscribe", ...blank, ...message, token };
  if (other === "q" && Object.hasOwn(PIXELS, link))
    return { kind: "open", ...blank, ...PIXELS[link], ...message, token };
  throw new InvalidToken("malformed");
}

/**
 * Answer a challenge at `/.well-known/linkwrap/NONCE`.
 *
 * @param {Keys} keys what `importKeys` returned
 * @param {string} host as in `readToken`
 * @param {string} nonce 32 hexadecimal digits
 * @returns {Promise<string | null>} null if `host` is not a host name, or if all keys are exported ones
 */
export async function answerChallenge(keys, host, nonce) {
  const name = hostName(host);
  return name === null ? null : keys.challenge(name, nonce);
}

/** Decode `%XX` once, each to the character of that number. */
export function decodePath(path) {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** The host name in the form in which it is signed, or null. A server gets international names as A-labels. */
export function hostName(host) {
  if (host.length > MAX_HOST + ".:65535".length) return null;
  const name = host.replace(/:[0-9]{0,5}$/, "").replace(/\.$/, "");
  return name.length <= MAX_HOST && HOST.test(name) ? name.toLowerCase() : null;
}

function isIgnored(rest) {
  if (rest === "/") return true;
  return rest.length <= MAX_REST && !/^[A-Za-z0-9_-]/.test(rest) && !OTHER_FILE.test(rest);
}

function readLink(packed) {
  const place = PLACE.exec(packed);
  if (!place) throw new InvalidToken("malformed");
  const [{ length }, part, single, first, second, alone] = place;
  let index = null;
  if (single) index = DIGITS.indexOf(single);
  else if (first) index = (DIGITS.indexOf(first) - 32) * 64 + DIGITS.indexOf(second);
  if (first && index < 32) throw new InvalidToken("malformed");

  const fields = parse(`["${unpack(packed.slice(length), LINK_WORDS)}"]`);
  const [destination, flags = "", name = ""] = fields;
  if ([destination, flags, name].some((field) => typeof field !== "string")) throw new InvalidToken("malformed");
  return {
    url: readDestination(destination),
    linkName: fields.length > 2 ? name : null,
    unsubscribe: flags.includes("u"),
    part: PARTS[part ?? alone.toLowerCase()],
    index,
  };
}

function readDestination(destination) {
  if (!/^https?:\/\/[!-~]*$/.test(destination)) throw new InvalidToken("destination");
  try {
    return new URL(destination).href;
  } catch {
    throw new InvalidToken("destination");
  }
}

function readContext(packed) {
  if (packed.length < 6) throw new InvalidToken("malformed");
  let number = 0;
  // Not with << and |, which have 32 bits.
  for (const digit of packed.slice(0, 6)) number = number * 64 + DIGITS.indexOf(digit);
  const text = `["${unpack(packed.slice(6), CONTEXT_WORDS)}}]`;
  const fields = parse(text);
  const [accountId, metadata] = fields;
  if (
    fields.length !== 2 ||
    typeof accountId !== "string" ||
    metadata === null ||
    typeof metadata !== "object" ||
    Array.isArray(metadata)
  ) {
    throw new InvalidToken("malformed");
  }
  return {
    anonymous: number >= 2 ** 35,
    sentAt: number % 2 ** 35,
    accountId,
    metadata,
    metadataText: text.slice(text.indexOf("{", /^\["(?:[^"\\]|\\.)*"/.exec(text)[0].length), -1),
  };
}

function table(capitals, words) {
  return Object.fromEntries(words.split(" ").map((word, at) => [capitals[at], word]));
}

function unpack(packed, words) {
  const pieces = [];
  for (PIECE.lastIndex = 0; PIECE.lastIndex < packed.length;) {
    const found = PIECE.exec(packed);
    if (!found) throw new InvalidToken("malformed");
    const [, capital, number, length, word, plain] = found;
    if (capital) pieces.push(capital.toUpperCase());
    else if (number) pieces.push(String.fromCharCode(Number.parseInt(number, 16)));
    else if (plain) pieces.push(plain);
    else if (length) {
      const end = PIECE.lastIndex + DIGITS.indexOf(length) + 1;
      if (end > packed.length) throw new InvalidToken("malformed");
      pieces.push(packed.slice(PIECE.lastIndex, end));
      PIECE.lastIndex = end;
    } else if (Object.hasOwn(words, word)) pieces.push(words[word]);
    else throw new InvalidToken("malformed");
  }
  return pieces.join("");
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidToken("malformed");
  }
}

async function importEntry(text) {
  if (typeof text !== "string" && !(text instanceof Uint8Array))
    throw new TypeError("a signing key must be a string or bytes");
  if (typeof text === "string" && /\p{Surrogate}/u.test(text))
    throw new TypeError("a signing key is not well-formed text");
  const secret = typeof text === "string" ? encoder.encode(text) : text;
  if (startsWith(secret, encoder.encode(EXPORTED))) return importExported(new TextDecoder().decode(secret));
  if (secret.length < MIN_SECRET) throw new TypeError(`a signing key must have at least ${MIN_SECRET} bytes`);
  const derived = async (label) => hmacKey(await hmac(await hmacKey(encoder.encode(label)), secret));
  return { root: await derived("linkwrap/2/host"), verifyKey: await derived("linkwrap/2/verify") };
}

async function importExported(text) {
  const [, host, encoded] = /^linkwrap-host:([^:]+):([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  const bytes =
    encoded &&
    Uint8Array.from(atob(`${encoded.replaceAll("-", "+").replaceAll("_", "/")}=`), (byte) => byte.charCodeAt(0));
  // The last character has two bits that no byte needs: they must be zero, as a writer leaves them.
  if (!bytes || hostName(host) !== host || base64url(bytes) !== encoded) {
    throw new TypeError(`a signing key that begins with ${EXPORTED} is not an exported key`);
  }
  return { host, key: await hmacKey(bytes) };
}

function startsWith(bytes, prefix) {
  return prefix.every((byte, at) => bytes[at] === byte);
}

async function hmacKey(bytes) {
  return (await subtle()).importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

async function hmac(key, message) {
  const bytes = typeof message === "string" ? encoder.encode(message) : message;
  return new Uint8Array(await (await subtle()).sign("HMAC", key, bytes));
}

async function subtle() {
  // Node.js 18 has Web Crypto, but not as a global.
  return (globalThis.crypto ?? (await import("node:crypto")).webcrypto).subtle;
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Compare texts of one length in a time that does not depend on where they differ. */
function equal(one, other) {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
