// Package dataversetest holds whatever speaks the Dataverse Web API to one suite: the emulator in every test run, a real environment when
// one is configured. It is a reading of the reference of its own. It speaks HTTP itself, frames and reads $batch itself, and shares no code
// with the client or the emulator, so that a mistake in one of them is seen.
//
// A case is one fact: the section of the reference that states it, the fact as a sentence, and what it takes to see it. Statuses are
// asserted as they are, codes without regard to case, texts by their decisive part; where the reference knows several answers, each is
// accepted. What it marks UNCONFIRMED is asserted only of an Environment that follows its guesses.
//
// # Against a real environment
//
// An app registration in the environment's directory with a client secret; in the environment an application user of that app, with a
// role that may do everything with account and contact at depth Global (System Customizer will do). Then
//
//	export DATAVERSE_URL=https://contoso.crm4.dynamics.com
//	export DATAVERSE_TENANT=<directory id> DATAVERSE_CLIENT_ID=<application id> DATAVERSE_CLIENT_SECRET=<the secret's value>
//	cd pkg && go test -v -count=1 -timeout 60m -run 'TestDataverse/real' ./dataverse/dataversetest
//
// The language of environment and user is to be English: texts and labels are compared.
//
// DATAVERSE_LOGIN names the authority of another cloud than the public one, such as https://login.microsoftonline.us.
//
// Every row that the suite makes has a mark of the run, pc and six hexadecimal digits, at the beginning of a text column: name or
// accountnumber of accounts, lastname, firstname or externaluseridentifier of contacts, new_name of memberships. At the end it deletes the
// rows with its mark. A run that was killed leaves them: find them by startswith(name,'pc…'). Nothing else is changed. About ten sign-ins
// fail on purpose, and the environment's log shows some hundred refused requests.
//
// # What need not be there
//
// A case names what not every environment has, and is reported as not applicable where it is missing, with the reason (skipped, with -v):
//
//   - alternate keys on account(accountnumber) and contact(externaluseridentifier), as any maker can add them;
//   - the table new_membership, as emulator/schema has it, with keys of every type;
//   - other users, users without rights, small limits, several servers, elastic tables: these need an environment made for the case, which
//     Environment.Variant makes. A real one has none.
package dataversetest
