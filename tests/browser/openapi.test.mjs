// The document of the JSON API is OpenAPI 3.1, says a validator that knows nothing of Motet; and a document with a fault in it is
// not.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { house } from "./house.mjs";

let home;
before(async () => {
  home = await house();
});
after(async () => {
  await home?.close();
});

test("the document of the API is valid OpenAPI 3.1", async () => {
  const answer = await fetch(`${home.address}/api/v1/openapi.json`);
  assert.equal(answer.status, 200);
  const document = await answer.json();
  const judged = await new Validator().validate(structuredClone(document));
  assert.deepEqual(judged.errors ?? [], []);
  assert.equal(judged.valid, true);

  delete document.info.title;
  document.paths["/api/v1/repos"].get.parameters = "none";
  const spoiled = await new Validator().validate(document);
  assert.equal(spoiled.valid, false);
});
