// Microsoft's own libraries for tokens: MSAL, and azure-identity on top of it. Both insist on https.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { client, root, secret, step, tenant } from "./steps.mjs";

const require = createRequire(import.meta.url);
const { ConfidentialClientApplication } = require("@azure/msal-node");
const { ClientCertificateCredential, ClientSecretCredential } = require("@azure/identity");
const { createHash, X509Certificate } = require("node:crypto");
const authority = `${root}/${tenant}`, scopes = [`${root}/.default`];

async function whoAmI(token) {
  const answer = await fetch(`${root}/api/data/v9.2/WhoAmI`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
}
const msal = (credential) => new ConfidentialClientApplication({
  auth: { clientId: client, authority, knownAuthorities: [new URL(root).host], ...credential },
});
const identity = { authorityHost: root, disableInstanceDiscovery: true };

await step("MSAL with a secret", async () => whoAmI((await msal({ clientSecret: secret }).acquireTokenByClientCredential({ scopes })).accessToken));
await step("MSAL with a wrong secret", () => assert.rejects(msal({ clientSecret: "wrong" }).acquireTokenByClientCredential({ scopes }), /7000215/));
await step("MSAL with a certificate", async () => {
  const pem = readFileSync(process.env.CERTIFICATE, "utf8");
  const thumbprintSha256 = createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
  await whoAmI((await msal({ clientCertificate: { thumbprintSha256, privateKey: pem.slice(pem.indexOf("-----BEGIN PRIVATE KEY")) } }).acquireTokenByClientCredential({ scopes })).accessToken);
});
await step("azure-identity with a secret", async () => whoAmI((await new ClientSecretCredential(tenant, client, secret, identity).getToken(scopes)).token));
await step("azure-identity with an unknown app", () => assert.rejects(new ClientSecretCredential(tenant, tenant, secret, identity).getToken(scopes), /700016/));
await step("azure-identity with a certificate", async () => whoAmI((await new ClientCertificateCredential(tenant, client, process.env.CERTIFICATE, identity).getToken(scopes)).token));
