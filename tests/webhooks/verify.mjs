// Verifies deliveries: by the sample of docs/webhooks.md, or by the library standardwebhooks.
//
// The only argument is the file of the sample, or nothing for the library. The cases are JSON on standard input: secret,
// headers, body in base64, and the receiver's time for the sample. Says for each whether it holds, as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

async function bySample(path) {
  const { verify } = await import(pathToFileURL(path).href);
  return (it, body) => verify(it.secret, it.headers, body, it.now);
}

async function byLibrary() {
  const { Webhook, WebhookVerificationError } = await import("standardwebhooks");
  return (it, body) => {
    try {
      new Webhook(it.secret).verify(body.toString("utf8"), it.headers);
      return true;
    } catch (error) {
      if (error instanceof WebhookVerificationError) return false;
      throw error;
    }
  };
}

const verify = process.argv[2] ? await bySample(process.argv[2]) : await byLibrary();
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((it) => verify(it, Buffer.from(it.body, "base64")))));
