// Verifies one token with npm's jose, as a peer that shares no code with this package.
//
// stdin:  {"token", "secret" (base64url) or "jwks" (the address of a JWK set), "issuer", "audience", "alg",
//          "now" (Unix seconds, optional)}
// stdout: {"header", "payload"}, or {"error": code} and exit status 1
//
// BEARER_NODE_MODULES names the node_modules folder that holds jose.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';

// Node 18, which Debian 12 ships, has Web Crypto but not yet as globals.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

async function loadJose() {
  const folder = process.env.BEARER_NODE_MODULES;
  if (!folder) throw new Error('BEARER_NODE_MODULES is not set');
  const entry = createRequire(join(resolve(folder), 'any.js')).resolve('jose');
  return import(pathToFileURL(entry));
}

try {
  const { token, secret, jwks, issuer, audience, alg, now } = JSON.parse(readFileSync(0, 'utf8'));
  // jose skips the check of an option that is undefined, so all of them are demanded here.
  for (const [name, value] of Object.entries({ token, key: jwks ?? secret, issuer, audience, alg })) {
    if (typeof value !== 'string' || value === '') throw new Error(`input lacks ${name}`);
  }
  const { createRemoteJWKSet, jwtVerify } = await loadJose();
  const key = jwks ? createRemoteJWKSet(new URL(jwks)) : Buffer.from(secret, 'base64url');
  const { protectedHeader, payload } = await jwtVerify(token, key, {
    algorithms: [alg],
    issuer,
    audience,
    currentDate: now === undefined ? undefined : new Date(now * 1000),
  });
  console.log(JSON.stringify({ header: protectedHeader, payload }));
} catch (err) {
  console.log(JSON.stringify({ error: err.code ?? err.message }));
  process.exitCode = 1;
}
