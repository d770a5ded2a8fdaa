// An independent PASETO library (npm: paseto) verifies our session token with the published key and refuses every tampered one.
//
//   node paseto_npm.mjs TOKEN_FILE KEYS_FILE [TIME]
//
// TOKEN_FILE holds one token as sessiond hands it out ("sess_v4.public..."), KEYS_FILE the JSON of /.well-known/paseto-keys.
// TIME is when it is judged, in RFC 3339; without it now.
// Prints one line with counts. Exit code 0: verified, and every variant refused; 1: not so; 2: wrong usage.
import { readFileSync } from "node:fs";
import paseto from "paseto";

const { V4 } = paseto;
const HEADER = "v4.public.";
const SIGNATURE_BYTES = 64;
const VARIANTS_MIN = 200;

function fail(message) {
  console.error(`paseto_npm: ${message}`);
  process.exit(1);
}

// Ed25519 key of a "k4.public." text (PASERK).
function publicKey(paserk) {
  if (!/^k4\.public\.[A-Za-z0-9_-]{43}$/.test(paserk)) fail("a published key is not a k4.public text");
  return V4.bytesToKeyObject(Buffer.from(paserk.slice("k4.public.".length), "base64url"));
}

function assemble({ header = HEADER, message, signature, footer }) {
  const text = header + Buffer.concat([message, signature]).toString("base64url");
  return footer === null ? text : `${text}.${footer.toString("base64url")}`;
}

// Tampering is done on bytes and encoded again: some decoders read two texts as the same bytes, and the same bytes are not tampered.
function flipped(bytes, at, mask) {
  const copy = Buffer.from(bytes);
  copy[at] ^= mask;
  return copy;
}

function* variants(good) {
  for (const part of ["message", "signature", "footer"])
    for (let at = 0; at < good[part].length; at++)
      for (const mask of [0x01, 0x80])
        yield [`${part} byte ${at} ^ ${mask}`, assemble({ ...good, [part]: flipped(good[part], at, mask) })];

  const claims = JSON.parse(good.message.toString());
  for (const name of Object.keys(claims)) {
    const { [name]: dropped, ...rest } = claims;
    const other = typeof dropped === "boolean" ? !dropped : typeof dropped === "number" ? dropped + 1 : `${dropped}x`;
    yield [`claim ${name} dropped`, assemble({ ...good, message: Buffer.from(JSON.stringify(rest)) })];
    yield [`claim ${name} changed`, assemble({ ...good, message: Buffer.from(JSON.stringify({ ...claims, [name]: other })) })];
  }
  yield ["expiry moved", assemble({ ...good, message: Buffer.from(JSON.stringify({ ...claims, exp: "2999-01-01T00:00:00Z" })) })];

  for (let cut = 1; cut <= SIGNATURE_BYTES; cut++)
    yield [`signature cut by ${cut}`, assemble({ ...good, signature: good.signature.subarray(0, SIGNATURE_BYTES - cut) })];
  yield ["signature of zeros", assemble({ ...good, signature: Buffer.alloc(SIGNATURE_BYTES) })];
  yield ["no message", assemble({ ...good, message: Buffer.alloc(0) })];
  yield ["no footer", assemble({ ...good, footer: null })];
  yield ["empty JSON footer", assemble({ ...good, footer: Buffer.from("{}") })];
  for (const header of ["v4.local.", "v3.public.", "v3.local.", "v2.public.", "v1.public.", "v4.", ""])
    yield [`header ${header}`, assemble({ ...good, header })];
  yield ["with our prefix", `sess_${assemble(good)}`];
}

async function accepts(token, key, options) {
  try {
    await V4.verify(token, key, options);
    return true;
  } catch {
    return false;
  }
}

async function main([tokenFile, keysFile, time]) {
  if (keysFile === undefined) {
    console.error("usage: node paseto_npm.mjs TOKEN_FILE KEYS_FILE [TIME]");
    process.exit(2);
  }
  const text = readFileSync(tokenFile, "utf8").trim();
  const { keys } = JSON.parse(readFileSync(keysFile, "utf8"));
  const shape = /^sess_(v4\.public\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+))$/.exec(text);
  if (shape === null) fail("the token does not have the form sess_v4.public.BODY.FOOTER");
  const [, token, body, footerText] = shape;
  const bytes = Buffer.from(body, "base64url");
  const good = {
    message: bytes.subarray(0, bytes.length - SIGNATURE_BYTES),
    signature: bytes.subarray(bytes.length - SIGNATURE_BYTES),
    footer: Buffer.from(footerText, "base64url"),
  };

  const { kid } = JSON.parse(good.footer.toString());
  const published = keys.find((key) => key.kid === kid);
  if (published?.paserk === undefined) fail("the token's key is not published, or it is revoked");
  const key = publicKey(published.paserk);
  const options = time === undefined ? {} : { now: new Date(time) };
  const claims = await V4.verify(token, key, options).catch((error) => fail(`the token does not verify: ${error.message}`));
  if (claims.test !== (published.purpose === "test")) fail("the token's test claim does not fit its key's purpose");

  let refused = 0;
  for (const [what, variant] of variants(good)) {
    if (variant === token) fail(`${what}: the variant is the token itself`);
    if (await accepts(variant, key, options)) fail(`${what}: accepted`);
    refused++;
  }
  for (const other of keys.filter((row) => row.paserk !== undefined && row.kid !== kid)) {
    if (await accepts(token, publicKey(other.paserk), options)) fail("accepted under another published key");
    refused++;
  }
  if (refused < VARIANTS_MIN) fail(`only ${refused} variants were tried`);
  console.log(`verified 1 token; ${refused} tampered variants refused`);
}

await main(process.argv.slice(2));
