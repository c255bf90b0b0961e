// Package emulator is Dataverse and Entra ID in memory: an http.Handler with a journal, limits and fault hooks. Tests, benchmarks, the
// demo and `penstock emulator` use the same one.
//
//	server := httptest.NewServer(emulator.New(emulator.Config{}))
//
// serves the sandbox: tenant SandboxTenant, app SandboxClient with the secret SandboxSecret, and the tables of package schema. It takes what
// a client of the Web API sends, and answers with the statuses, headers, codes and texts that Dataverse answers with.
//
// # What is emulated
//
//   - Entra ID, by package entra: token endpoints for client credentials with secrets and certificates, with the errors of Entra; discovery
//     documents; an app's look at its own registration by Microsoft Graph. The 401 challenge.
//   - Who may do what, by package security: application users and others that are missing, disabled, unlicensed, without role or restricted; security
//     roles with depth, of users and teams, in a tree of business units; owners; column security; impersonation; the privileges of bypass headers;
//     administration mode and a disabled organisation. RetrieveUserPrivileges and its kin, RetrievePrincipalAccess.
//   - EntityDefinitions with Attributes (mixed and by cast, with their companions), Keys, relationships and Privileges; GlobalOptionSetDefinitions and
//     RelationshipDefinitions; $select, $filter, nested $expand and LabelLanguages; ReactivateEntityKey; $metadata of the tables, functions and
//     actions, and the service document. There are no many-to-many relationships. A column of a global choice has it in GlobalOptionSet, and none in
//     OptionSet.
//   - POST and DELETE of tables (standard and elastic) with their columns, of columns, alternate keys, one-to-many relationships with their lookups
//     and global choices; CreateCustomerRelationships, CreatePolymorphicLookupAttribute; PublishXml and PublishAllXml, for which there is nothing to
//     do. What is made is there with the answer, the index of a key included. It lasts until Reset, which returns to the tables of Config.
//   - BulkDelete of what a QueryExpression on one table finds: carried out with the answer, whatever its StartDateTime, and readable in asyncoperations.
//   - WhoAmI, RetrieveCurrentOrganization, RetrieveTotalRecordCount.
//   - POST, PATCH, PUT and DELETE by GUID and by alternate key, conditions and representations; checks of names, types, lengths, ranges,
//     choices, state and reason; lookups by GUID, alternate key and Content-ID; deep inserts; $ref; duplicates by key and by rule; restricted deletes,
//     cascades and lookups that become null; hierarchies without loops; WinOpportunity and LoseOpportunity.
//   - CreateMultiple, UpdateMultiple, UpsertMultiple; DeleteMultiple on elastic tables, whose upserts replace the row; virtual tables are only read.
//     The tables sdkmessage and sdkmessagefilter say which table takes which message.
//   - GET of a row, of a set, and of what is below them: columns, lookups, the rows that point at a row, $value, $ref and $count. $select, $filter with
//     paths over lookups, any and all, aliases and the usual query functions (In, Between, ContainValues, EqualUserId, LastXDays …), $orderby, $top,
//     $count, $expand of lookups and collections, $apply with filter, groupby and aggregate; FetchXML and SELECT (the query option sql) on one table. Pages of at most 5,000, by a
//     position that holds whatever happens to the rows. Annotations with formatted values in the language of the United States and in UTC;
//     odata.metadata none, minimal and full; change tracking, with 100,000 deletes remembered for each table; RetrieveTotalRecordCount.
//   - $batch with change sets, rollback, references, continue-on-error, the 1,000 operations and the lost last write of bodies without CRLF.
//   - The three service protection limits, by package limit: sliding windows for each application user and web server, several web servers with
//     affinity cookies, a Retry-After that grows, refusals from within a batch. The time that requests take, by package latency: for each kind
//     of write, key and plug-in; execution time is charged from it.
//   - Faults: by the hooks of Config.Faults, and by the orders of package faults. Snapshots of all rows, and the journal, bounded or followed.
//
// Package admin serves all of this to other languages and to people; package scenario reads it from a file.
//
// # What is not
//
// Plug-ins, but for the time that they take and the refusals that an order of package faults makes. Sharing, hierarchy security, access teams; roles,
// teams and states that change by writes to their tables instead of by methods of Server (a PATCH of isdisabled disables nobody). Files and images
// but for their metadata. 429s for the daily entitlement.
//
// Of writes: many-to-many relationships; cascades of assigning and sharing, and what becomes of the rows of a deleted owner; duplicate detection
// across tables, by similarity, or among active rows only; an elastic row's partition (its partitionid is a column like others, and the id alone
// addresses the row) and time to live; the values of _base columns and exchangerate; the activities that closing an opportunity leaves behind, and
// that a closed one is read-only; autonumber columns.
//
// Of metadata: PUT and PATCH, so that nothing that exists is changed; activities, virtual tables, computed columns and many-to-many relationships made
// by the Web API; deleting one of several relationships of a lookup (all of these are answered with 501); solutions, and whose prefix is whose; a
// choice's options by actions (InsertOptionValue and its kin); dependencies on forms and views. A snapshot has rows, not the tables that were made.
//
// Of queries: saved queries; joins, aggregates and distinct of FetchXML and SQL; query functions for hierarchies, fiscal periods and teams; what comes after a
// grouping in $apply (all of these are answered with 501); many-to-many relationships, casts in paths, wildcards in the arguments of contains.
//
// What the reference marks UNCONFIRMED, and a client could depend on, is in Assumptions.
//
// # How it is built
//
// A request becomes a call, with buffers that are reused. internal/batch cuts the body into operations without copying; address.go resolves an
// operation's URL, internal/body reads its body and checks it against the table, write.go is the status matrix, and change.go writes into internal/store,
// which keeps rows as JSON text by column in one allocation. Each table has its own lock; transaction.go has them all, for change sets and for
// operations that write several rows. internal/query binds to a table what internal/odata, internal/fetchxml and internal/sql have read, finds the
// rows and renders them. internal/refusal has the errors, internal/journal what was written. What follows from the tables is definitions.go; define.go
// replaces it as a whole.
package emulator
