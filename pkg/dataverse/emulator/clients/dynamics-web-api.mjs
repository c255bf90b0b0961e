// DynamicsWebApi, the Web API client of most JavaScript programs: its documented calls, unchanged.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { root, step, token } from "./steps.mjs";

const { DynamicsWebApi } = createRequire(import.meta.url)("dynamics-web-api");
const api = new DynamicsWebApi({ serverUrl: root, dataApi: { version: "9.2" }, onTokenRefresh: token });
const missing = "00000000-0000-0000-0000-000000000001";

await step("unbound function", async () => assert.ok((await api.callFunction("WhoAmI")).OrganizationId));
const account = await step("create", () => api.create({ collection: "accounts", data: { name: "Alpha", accountnumber: "A-1" } }));
const contact = await step("create with representation", async () => {
  const row = await api.create({ collection: "contacts", data: { firstname: "Ada", lastname: "Lovelace" }, returnRepresentation: true, select: ["fullname"] });
  assert.equal(row.fullname, "Ada Lovelace");
  return row.contactid;
});
await step("retrieve", async () => assert.equal((await api.retrieve({ collection: "accounts", key: account, select: ["name"] })).name, "Alpha"));
await step("retrieve by alternate key", async () => assert.equal((await api.retrieve({ collection: "accounts", key: "accountnumber='A-1'", select: ["name"] })).name, "Alpha"));
await step("retrieve what is not there", () => assert.rejects(api.retrieve({ collection: "accounts", key: missing }), { status: 404, code: "0x80040217" }));
await step("update", () => api.update({ collection: "accounts", key: account, data: { name: "Beta" } }));
await step("update never creates", () => assert.rejects(api.update({ collection: "accounts", key: missing, data: { name: "Beta" } }), { status: 404 }));
await step("update with representation", async () => {
  const row = await api.update({ collection: "accounts", key: account, data: { telephone1: "555" }, returnRepresentation: true, select: ["telephone1", "name"] });
  assert.deepEqual([row.name, row.telephone1], ["Beta", "555"]);
});
await step("update of one column", async () => {
  await api.updateSingleProperty({ collection: "accounts", key: account, fieldValuePair: { name: "Gamma" } });
  assert.equal((await api.retrieve({ collection: "accounts", key: account, select: ["name"] })).name, "Gamma");
});
await step("upsert by alternate key", async () => {
  await api.upsert({ collection: "accounts", key: "accountnumber='A-2'", data: { name: "Upserted" } });
  assert.equal((await api.retrieve({ collection: "accounts", key: "accountnumber='A-2'", select: ["name"] })).name, "Upserted");
});
await step("upsert with representation", async () => {
  const row = await api.upsert({ collection: "accounts", key: "accountnumber='A-2'", data: { name: "Again" }, returnRepresentation: true });
  assert.equal(row.name, "Again");
});
await step("upsert that must not create", async () => assert.equal(await api.upsert({ collection: "accounts", key: missing, ifmatch: "*", data: { name: "U" } }), null));
await step("upsert that must not update", async () => assert.equal(await api.upsert({ collection: "accounts", key: account, ifnonematch: "*", data: { name: "U" } }), null));
await step("optimistic concurrency", async () => {
  const row = await api.retrieve({ collection: "accounts", key: account, select: ["name"] });
  await api.update({ collection: "accounts", key: account, ifmatch: row["@odata.etag"], data: { name: "Delta" } });
  await assert.rejects(api.deleteRecord({ collection: "accounts", key: account, ifmatch: row["@odata.etag"] }).then((deleted) => { if (deleted === false) throw Object.assign(new Error("not deleted"), { status: 412 }); }), { status: 412 });
});
await step("associate a lookup", async () => {
  await api.associateSingleValued({ collection: "accounts", primaryKey: account, navigationProperty: "primarycontactid", relatedCollection: "contacts", relatedKey: contact });
  const row = await api.retrieve({ collection: "accounts", key: account, select: ["name"], expand: [{ property: "primarycontactid", select: ["fullname"] }], includeAnnotations: "*" });
  assert.equal(row.primarycontactid.fullname, "Ada Lovelace");
});
await step("annotations", async () => {
  const row = await api.retrieve({ collection: "accounts", key: account, select: ["_primarycontactid_value", "statecode"], includeAnnotations: "*" });
  assert.equal(row["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "contact");
  assert.equal(row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"], "Ada Lovelace");
  assert.equal(row["statecode@OData.Community.Display.V1.FormattedValue"], "Active");
});
await step("disassociate a lookup", async () => {
  await api.disassociateSingleValued({ collection: "accounts", primaryKey: account, navigationProperty: "primarycontactid" });
  assert.equal((await api.retrieve({ collection: "accounts", key: account, select: ["_primarycontactid_value"] }))._primarycontactid_value, null);
});
await step("associate in a collection", async () => {
  await api.associate({ collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedCollection: "contacts", relatedKey: contact });
  const found = await api.retrieveMultiple({ collection: `accounts(${account})/contact_customer_accounts`, select: ["fullname"] });
  assert.deepEqual(found.value.map((c) => c.fullname), ["Ada Lovelace"]);
});
await step("expand a collection", async () => {
  const row = await api.retrieve({ collection: "accounts", key: account, select: ["name"], expand: [{ property: "contact_customer_accounts", select: ["fullname"] }] });
  assert.equal(row.contact_customer_accounts[0].fullname, "Ada Lovelace");
});
await step("disassociate in a collection", async () => {
  await api.disassociate({ collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedKey: contact });
  assert.equal((await api.retrieveMultiple({ collection: `accounts(${account})/contact_customer_accounts`, select: ["fullname"] })).value.length, 0);
});
await step("retrieve many", async () => {
  await api.create({ collection: "accounts", data: { name: "Zeta" } });
  const found = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "startswith(name,'Z') or name eq 'Again'", orderBy: ["name desc"], count: true });
  assert.deepEqual(found.value.map((a) => a.name), ["Zeta", "Again"]);
  assert.equal(found.oDataCount, 2);
});
await step("a query function", async () => {
  const found = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['Zeta','Again'])" });
  assert.equal(found.value.length, 2);
});
await step("pages", async () => {
  const first = await api.retrieveMultiple({ collection: "accounts", select: ["name"], orderBy: ["name"], maxPageSize: 1 });
  const second = await api.retrieveMultiple({ collection: "accounts", select: ["name"], orderBy: ["name"], maxPageSize: 1 }, first.oDataNextLink);
  assert.deepEqual([first.value[0].name, second.value[0].name], ["Again", "Delta"]);
});
await step("all pages", async () => assert.equal((await api.retrieveAll({ collection: "accounts", select: ["name"], maxPageSize: 2 })).value.length, 3));
await step("count", async () => assert.equal(await api.count({ collection: "accounts" }), 3));
await step("count with a filter", async () => assert.equal(await api.count({ collection: "accounts", filter: "name eq 'Zeta'" }), 1));
await step("a batch in one change set", async () => {
  api.startBatch();
  api.create({ collection: "contacts", data: { lastname: "One" } });
  api.create({ collection: "contacts", data: { lastname: "Two" } });
  api.retrieveMultiple({ collection: "contacts", select: ["lastname"], filter: "lastname eq 'Two'" });
  const answers = await api.executeBatch();
  assert.equal(answers.length, 3);
  assert.equal(answers[2].value[0].lastname, "Two");
});
await step("references in a change set", async () => {
  api.startBatch();
  api.create({ collection: "accounts", data: { name: "Parent" }, contentId: "1" });
  api.create({ collection: "contacts", data: { lastname: "Child", "parentcustomerid_account@odata.bind": "$1" } });
  api.update({ collection: "$1", data: { telephone1: "1" }, contentId: "2" });
  const [parent, child] = await api.executeBatch();
  assert.equal((await api.retrieve({ collection: "contacts", key: child, select: ["_parentcustomerid_value"] }))._parentcustomerid_value, parent);
});
await step("a change set that fails is undone", async () => {
  api.startBatch();
  api.create({ collection: "contacts", data: { lastname: "Undone" } });
  api.update({ collection: "accounts", key: missing, data: { name: "U" } });
  await assert.rejects(api.executeBatch(), (faults) => (Array.isArray(faults) ? faults : [faults]).some((f) => f.status === 404));
  assert.equal(await api.count({ collection: "contacts", filter: "lastname eq 'Undone'" }), 0);
});
await step("operations outside change sets", async () => {
  api.startBatch();
  api.create({ collection: "contacts", data: { lastname: "Alone" }, inChangeSet: false });
  api.upsert({ collection: "accounts", key: "accountnumber='A-9'", data: { name: "Nine" }, inChangeSet: false });
  api.deleteRecord({ collection: "accounts", key: "accountnumber='A-9'", inChangeSet: false });
  assert.equal((await api.executeBatch()).length, 3);
});
await step("going on after an error", async () => {
  api.startBatch();
  api.retrieve({ collection: "accounts", key: missing });
  api.retrieveMultiple({ collection: "contacts", select: ["lastname"], top: 1 });
  const answers = await api.executeBatch({ continueOnError: true });
  assert.equal(answers[0].status, 404);
  assert.equal(answers[1].value.length, 1);
});
await step("deep insert", async () => {
  const id = await api.create({ collection: "accounts", data: { name: "Deep", primarycontactid: { lastname: "Deeper" }, contact_customer_accounts: [{ lastname: "Deepest" }] } });
  const row = await api.retrieve({ collection: "accounts", key: id, select: ["name"], expand: [{ property: "primarycontactid", select: ["lastname"] }, { property: "contact_customer_accounts", select: ["lastname"] }] });
  assert.deepEqual([row.primarycontactid.lastname, row.contact_customer_accounts[0].lastname], ["Deeper", "Deepest"]);
});
await step("a bulk message", async () => {
  const targets = ["B1", "B2"].map((name) => ({ "@odata.type": "Microsoft.Dynamics.CRM.account", name }));
  const answer = await api.callAction({ actionName: "Microsoft.Dynamics.CRM.CreateMultiple", collection: "accounts", action: { Targets: targets } });
  assert.equal(answer.Ids.length, 2);
});
await step("tables", async () => assert.ok((await api.retrieveEntities({ select: ["LogicalName"], filter: "IsPrivate eq false" })).value.length >= 8));
await step("a table", async () => {
  const table = await api.retrieveEntity({ key: "LogicalName='account'", select: ["LogicalName", "EntitySetName"] });
  assert.equal(table.EntitySetName, "accounts");
});
await step("columns", async () => assert.ok((await api.retrieveAttributes({ entityKey: "LogicalName='account'", select: ["LogicalName", "SchemaName"] })).value.some((c) => c.LogicalName === "name")));
await step("columns of one type", async () => {
  const found = await api.retrieveAttributes({ entityKey: "LogicalName='account'", castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", expand: [{ property: "OptionSet" }] });
  assert.ok(found.value.every((c) => c.OptionSet.Options.length > 0));
});
await step("relationships", async () => {
  const found = await api.retrieveRelationships({ castType: "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", select: ["SchemaName"] });
  assert.ok(found.value.some((r) => r.SchemaName === "contact_customer_accounts"));
});
await step("global choices", async () => assert.ok(Array.isArray((await api.retrieveGlobalOptionSets({ select: ["Name"] })).value)));
await step("the CSDL document", async () => assert.match(await api.retrieveCsdlMetadata({}), /EntityType Name="account"/));
await step("changes since", async () => {
  const answer = await api.retrieveMultiple({ collection: "accounts", select: ["name"], trackChanges: true });
  assert.ok(answer.oDataDeltaLink);
});
await step("fetch", async () => {
  const found = await api.fetch({ collection: "accounts", fetchXml: '<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="name" operator="eq" value="Zeta"/></filter></entity></fetch>' });
  assert.deepEqual(found.value.map((a) => a.name), ["Zeta"]);
});
await step("delete a column's value", async () => {
  await api.deleteRecord({ collection: "accounts", key: account, fieldName: "telephone1" });
  assert.equal((await api.retrieve({ collection: "accounts", key: account, select: ["telephone1"] })).telephone1, null);
});
await step("delete", async () => {
  await api.deleteRecord({ collection: "contacts", key: contact });
  await assert.rejects(api.retrieve({ collection: "contacts", key: contact, select: ["fullname"] }), { status: 404 });
});
