// dataverse-webapi. Its own transport speaks to port 443 alone, so requests go out by fetch; what they say, and what is made of
// the answers, is the library's.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { root, step, token } from "./steps.mjs";

const require = createRequire(import.meta.url);
const api = require("./node_modules/dataverse-webapi/lib/webapi.js");
const { WebApiConfig } = require("./node_modules/dataverse-webapi/lib/models.js");
const config = new WebApiConfig("9.2", await token(), root);

async function answer(request) {
  try {
    const response = await fetch(`${request.apiConfig.url}/${request.queryString}`, { method: request.method, headers: api.getHeaders(request), body: request.body });
    return { error: !response.ok, response: await response.text(), headers: Object.fromEntries(response.headers) };
  } catch (e) {
    return { error: true, response: e };
  }
}
const send = (request, callback) => void answer(request).then(callback);
const missing = { message: /Does Not Exist/ };

const account = await step("create", async () => {
  const row = await api.createWithReturnData(config, "accounts", { name: "Alpha", accountnumber: "A-1" }, "$select=name", send);
  assert.equal(row.name, "Alpha");
  return row.accountid;
});
await step("retrieve", async () => assert.equal((await api.retrieve(config, "accounts", account, send, "$select=name")).name, "Alpha"));
await step("retrieve by alternate key", async () => assert.equal((await api.retrieveAlternateKey(config, "accounts", "accountnumber='A-1'", send, "$select=name")).name, "Alpha"));
await step("retrieve what is not there", () => assert.rejects(api.retrieve(config, "accounts", "00000000-0000-0000-0000-000000000001", send), missing));
await step("retrieve a column", async () => assert.equal((await api.retrieveProperty(config, "accounts", account, send, "name")).value, "Alpha"));
await step("update", () => api.update(config, "accounts", account, { name: "Beta" }, send));
await step("update with data", async () => assert.equal((await api.updateWithReturnData(config, "accounts", account, { name: "Gamma" }, "$select=name", send)).name, "Gamma"));
await step("update a column", () => api.updateProperty(config, "accounts", account, "telephone1", "555", send));
const contact = await step("create a contact", async () => (await api.createWithReturnData(config, "contacts", { lastname: "Lovelace", "parentcustomerid_account@odata.bind": `accounts(${account})` }, "$select=lastname", send)).contactid);
await step("associate", async () => {
  const other = (await api.createWithReturnData(config, "accounts", { name: "Other" }, "$select=name", send)).accountid;
  await api.associate(config, "accounts", other, "contact_customer_accounts", "contacts", contact, send);
  assert.equal((await api.retrieve(config, "contacts", contact, send, "$select=_parentcustomerid_value"))._parentcustomerid_value, other);
  await api.disassociate(config, "accounts", other, "contact_customer_accounts", send, contact);
  assert.equal((await api.retrieve(config, "contacts", contact, send, "$select=_parentcustomerid_value"))._parentcustomerid_value, null);
  await api.deleteRecord(config, "accounts", other, send);
});
await step("a navigation property", async () => {
  await api.update(config, "accounts", account, { "primarycontactid@odata.bind": `contacts(${contact})` }, send);
  assert.equal((await api.retrieveNavigationProperties(config, "accounts", account, send, "primarycontactid", "$select=lastname")).lastname, "Lovelace");
});
await step("disassociate", () => api.disassociate(config, "accounts", account, "primarycontactid", send));
await step("retrieve many, page by page", async () => {
  await api.create(config, "accounts", { name: "Zeta" }, send);
  const first = await api.retrieveMultiple(config, "accounts", send, "$select=name&$orderby=name", { maxPageSize: 1 });
  const second = await api.retrieveMultipleNextPage(new WebApiConfig("9.2", config.accessToken, root), first["@odata.nextLink"], send, { maxPageSize: 1 });
  assert.deepEqual([first.value[0].name, second.value[0].name], ["Gamma", "Zeta"]);
});
await step("an unbound function", async () => assert.ok((await api.unboundFunction(config, "WhoAmI", send)).UserId));
await step("a batch", async () => {
  const sets = [{ queryString: "accounts", entity: { name: "InBatch" }, method: "POST" }, { queryString: `accounts(${account})`, entity: { name: "Renamed" }, method: "PATCH" }];
  const answer = await api.batchOperation(config, "b1", "c1", sets, ["accounts?$select=name&$filter=name eq 'Renamed'"], send);
  assert.match(JSON.stringify(answer), /Renamed/);
});
await step("delete a column's value", () => api.deleteProperty(config, "accounts", account, "telephone1", send));
await step("delete", async () => {
  await api.deleteRecord(config, "contacts", contact, send);
  await assert.rejects(api.retrieve(config, "contacts", contact, send), missing);
});
