// A provider of accounts: OpenID Connect over a real socket. It asks whoever comes for a name, signs what it says with one of
// three real keys, and gives a code once, to the client that asked, for the verifier of its challenge.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

// How the server under test is known here.
export const clientId = "motet in a browser";
export const clientSecret = "hush:hush/hush";

const CODE_SECONDS = 60;

const text = (bytes) => Buffer.from(bytes).toString("base64url");
const json = (value) => text(JSON.stringify(value));
const escaped = (part) => new URLSearchParams([["", part]]).toString().slice(1);
const quoted = (part) => part.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);

const kinds = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

function signature(algorithm, bytes, key) {
  if (algorithm === "EdDSA") return sign(null, bytes, key);
  // A JWT has the two numbers of ECDSA side by side (RFC 7518 section 3.4).
  return sign("sha256", bytes, algorithm === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key);
}

function page(title, main) {
  const head = `<meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,">`;
  return `<!DOCTYPE html><html lang="en"><head>${head}</head><body><main><h1>${title}</h1>${main}</main></body></html>`;
}

// What is wrong with what is asked for.
function faultsOf(asked) {
  const value = (name) => asked.get(name) ?? "";
  const faults = [
    value("client_id") !== clientId && "client_id",
    value("response_type") !== "code" && "response_type",
    value("scope") !== "openid" && "scope",
    value("code_challenge_method") !== "S256" && "code_challenge_method",
    !/^[\w-]{43}$/.test(value("code_challenge")) && "code_challenge",
    !value("state") && "state",
    !value("nonce") && "nonce",
    !/^http:\/\/127\.0\.0\.1:\d+\/login\/with\/oidc\/back$/.test(value("redirect_uri")) && "redirect_uri",
  ];
  return faults.filter(Boolean);
}

async function fields(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return new URLSearchParams(Buffer.concat(pieces).toString());
}

export async function provider() {
  const keys = Object.fromEntries(Object.entries(kinds).map(([algorithm, make]) => [algorithm, make()]));
  const grants = new Map();
  const it = { algorithm: "RS256", redeemed: 0, claims: {} };

  function token({ asked, subject }) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: it.issuer, sub: subject, aud: clientId, nonce: asked.get("nonce"), iat: now, exp: now + 300, ...it.claims };
    const said = `${json({ alg: it.algorithm, kid: it.algorithm, typ: "JWT" })}.${json(claims)}`;
    return `${said}.${text(signature(it.algorithm, Buffer.from(said), keys[it.algorithm].privateKey))}`;
  }

  // A code works once, for a minute, for the client that asked and the verifier that it holds back.
  function redeem(body, authorization) {
    it.redeemed += 1;
    const grant = grants.get(body.get("code"));
    grants.delete(body.get("code"));
    const basic = Buffer.from(`${escaped(clientId)}:${escaped(clientSecret)}`).toString("base64");
    const challenge = createHash("sha256").update(body.get("code_verifier") ?? "").digest("base64url");
    const holds =
      grant &&
      authorization === `Basic ${basic}` &&
      body.get("grant_type") === "authorization_code" &&
      body.get("redirect_uri") === grant.asked.get("redirect_uri") &&
      challenge === grant.asked.get("code_challenge") &&
      Date.now() < grant.until;
    return holds ? [200, { access_token: "not asked for", token_type: "Bearer", id_token: token(grant) }] : [400, { error: "invalid_grant" }];
  }

  function decide(asked, body) {
    const back = new URL(asked.get("redirect_uri"));
    back.searchParams.set("state", asked.get("state"));
    back.searchParams.set("iss", it.issuer);
    if (body.get("answer") === "yes") {
      const code = text(randomBytes(16));
      grants.set(code, { asked, subject: body.get("name"), until: Date.now() + CODE_SECONDS * 1000 });
      back.searchParams.set("code", code);
    } else {
      back.searchParams.set("error", "access_denied");
    }
    return String(back);
  }

  async function answer(request, response) {
    const url = new URL(request.url, it.issuer);
    const say = (status, type, body, headers = {}) => response.writeHead(status, { "content-type": type, ...headers }).end(body);
    const tell = (status, value) => say(status, "application/json", JSON.stringify(value));
    const show = (status, title, main) => say(status, "text/html; charset=utf-8", page(title, main));
    const what = `${request.method} ${url.pathname}`;
    if (what === "GET /.well-known/openid-configuration") {
      return tell(200, {
        issuer: it.issuer,
        authorization_endpoint: `${it.issuer}/authorize`,
        token_endpoint: `${it.issuer}/token`,
        jwks_uri: `${it.issuer}/keys`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: Object.keys(kinds),
        code_challenge_methods_supported: ["S256"],
      });
    }
    if (what === "GET /keys") {
      const jwk = ([algorithm, { publicKey }]) => ({ ...publicKey.export({ format: "jwk" }), kid: algorithm, alg: algorithm, use: "sig" });
      return tell(200, { keys: Object.entries(keys).map(jwk) });
    }
    if (what === "POST /token") {
      return tell(...redeem(await fields(request), request.headers.authorization));
    }
    const faults = faultsOf(url.searchParams);
    if (url.pathname !== "/authorize" || faults.length > 0) {
      return show(400, "Not here", `<p>${quoted(faults.join(", "))}</p>`);
    }
    if (request.method === "POST") {
      const location = decide(url.searchParams, await fields(request));
      return say(303, "text/plain", "", { location });
    }
    const form = `<form method="post"><p><label>Your name <input name="name"></label></p>
      <p><button name="answer" value="yes">Say who I am</button> <button name="answer" value="no">Say nothing</button></p></form>`;
    return show(200, "Who are you?", form);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  it.issuer = `http://127.0.0.1:${server.address().port}`;
  it.close = () => {
    server.closeAllConnections();
    server.close();
  };
  // From now on it signs with another key than the one that it shows.
  it.changeKey = (algorithm) => {
    const { privateKey } = kinds[algorithm]();
    const before = keys[algorithm];
    keys[algorithm] = { ...before, privateKey };
    return () => (keys[algorithm] = before);
  };
  return it;
}
