// A certified OpenID provider that makes RFC 9068 access tokens. It prints its issuer as a line of JSON, then answers
// each line of input with one: "token" gives an access token, "rotate" takes a new signing key into use beside the old one,
// "drop" drops the old keys. BEARER_NODE_MODULES names the folder that oidc-provider is installed in.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const entry = createRequire(join(resolve(process.env.BEARER_NODE_MODULES), 'any.js')).resolve('oidc-provider')
const { default: Provider } = await import(pathToFileURL(entry))

const newKey = (kid) => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256',
})
let keys = [newKey('key-1')]
let handle
const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  start(issuer)
  console.log(JSON.stringify({ issuer }))
  listen(issuer)
})

function start(issuer) {
  handle = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: 'app', client_secret: 'app-secret', redirect_uris: [], response_types: [], grant_types: ['client_credentials'],
    }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'read write', audience: resource, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  }).callback()
}

async function token(issuer) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('app:app-secret')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: 'https://api.test', scope: 'read' }),
  })
  return response.json()
}

function listen(issuer) {
  createInterface({ input: process.stdin }).on('line', async (line) => {
    let answer = { keys: keys.length }
    if (line === 'token') answer = await token(issuer)
    if (line === 'rotate') keys = [newKey(`key-${Date.now()}`), ...keys]
    if (line === 'drop') keys = [keys[0]]
    if (line !== 'token') start(issuer)
    console.log(JSON.stringify(answer))
  }).on('close', () => process.exit())
}
