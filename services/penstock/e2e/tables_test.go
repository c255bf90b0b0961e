package e2e

import (
	"testing"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

const dollars = `{to: transactioncurrency, by: {isocurrencycode: currency}}`

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.sql(`CREATE TABLE DB.companies (no String, name Nullable(String), ticker String, industry LowCardinality(Nullable(String)), kind Nullable(String),
		held Nullable(String), staff Nullable(UInt64), turnover Nullable(Decimal(38, 2)), currency Nullable(String), mail Nullable(String), campaign Nullable(DateTime('Europe/Berlin')),
		parent Nullable(String)) ENGINE = MergeTree ORDER BY no`,
		`INSERT INTO DB.companies VALUES
		('A-1', 'Adler "&" Söhne', 'ADLER-GROUP-1', 'consulting', 'client', 'ja', 4200, 1234567.89, 'USD', '', '2026-02-28 00:30:00', NULL),
		('A-2', 'Birke', 'BRK', NULL, 'rival', 'nein', NULL, -0.5, 'USD', 'b@birke.example', NULL, NULL),
		('A-3', 'Ceder', 'CDR', 'Astrology', NULL, NULL, 1, 1, 'USD', NULL, NULL, NULL),
		('A-4', 'Distel', 'DST', 'Consulting', NULL, NULL, 1, 1, 'USD', NULL, NULL, 'A-404'),
		('A-5', 'Eibe', 'EIB', 'Consulting', NULL, NULL, 1, 1, 'QQQ', NULL, NULL, NULL)`)
	s.sync("companies", `
from: {query: companies.sql, key: no}
to: {environment: ENV, table: account, match: {key: accountnumber}, on_leave: delete}
map:
  name: name
  tickersymbol: {from: ticker, truncate: true}
  industrycode: {from: industry, choice: label, null: skip}
  customertypecode: {from: kind, values: {client: Customer, rival: 1}}
  creditonhold: {from: held, values: {ja: true, nein: false}}
  numberofemployees: staff
  revenue: turnover
  transactioncurrencyid: `+dollars+`
  emailaddress1: {from: mail, empty: "null"}
  lastusedincampaign: campaign
  parentaccountid: {to: account, by: {accountnumber: parent}}
  accountcategorycode: {const: Standard, choice: label}
  sic: {expr: "(staff ?? 0) > 1000 ? 'large' : 'small'"}
  description: {template: "{{name}} ({{no}})"}
`)
	const first = "first load"
	s.run("companies", first, penstock.Counts{Read: 5, Accepted: 2, Refused: 3, Truncated: 1})
	s.letters("mapping choice_unknown industrycode 1", "mapping currency_unknown transactioncurrencyid 1", "reference 0x80060891 1")
	usd := `"` + s.guid("transactioncurrency", "isocurrencycode", `"USD"`) + `"`
	s.holds(first, "account", "accountnumber", `"A-1"`, fields{
		"name": `"Adler \"&\" Söhne"`, "tickersymbol": `"ADLER-GROU"`, "industrycode": "7", "customertypecode": "3", "creditonhold": "true", "numberofemployees": "4200",
		"revenue": "1234567.89", "_transactioncurrencyid_value": usd, "emailaddress1": "", "lastusedincampaign": `"2026-02-27T23:30:00Z"`, "_parentaccountid_value": "",
		"accountcategorycode": "2", "sic": `"large"`, "description": `"Adler \"&\" Söhne (A-1)"`,
	})
	s.holds(first, "account", "accountnumber", `"A-2"`, fields{
		"industrycode": "", "customertypecode": "1", "creditonhold": "false", "numberofemployees": "", "revenue": "-0.5", "emailaddress1": `"b@birke.example"`, "sic": `"small"`,
	})
	s.idle("companies", penstock.Counts{Read: 5, Unchanged: 2, Waiting: 3})

	s.sql("ALTER TABLE DB.companies UPDATE industry = NULL, kind = NULL, held = NULL, staff = NULL, turnover = NULL, campaign = NULL, parent = 'A-2' WHERE no = 'A-1'",
		"ALTER TABLE DB.companies UPDATE industry = 'Consulting' WHERE no = 'A-3'",
		"ALTER TABLE DB.companies UPDATE parent = 'a-1' WHERE no = 'A-4'", "ALTER TABLE DB.companies UPDATE currency = 'USD' WHERE no = 'A-5'")
	s.run("companies", "change", penstock.Counts{Read: 5, Unchanged: 1, Accepted: 4, Truncated: 1})
	s.letters()
	s.holds("change", "account", "accountnumber", `"A-1"`, fields{
		"name": `"Adler \"&\" Söhne"`, "industrycode": "7" /* skipped */, "customertypecode": "", "creditonhold": "", "numberofemployees": "", "revenue": "",
		"lastusedincampaign": "", "_parentaccountid_value": `"` + s.guid("account", "accountnumber", `"A-2"`) + `"`, "sic": `"small"`,
	})
	s.holds("change", "account", "accountnumber", `"A-4"`, fields{"_parentaccountid_value": `"` + s.guid("account", "accountnumber", `"A-1"`) + `"`})

	s.sql("ALTER TABLE DB.companies DELETE WHERE no IN ('A-4', 'A-5')")
	s.run("companies", "leave", penstock.Counts{Read: 3, Unchanged: 3, Left: 2, Deleted: 2})
	expect(t, "records in the end", s.dataverse.Count("account"), 3)
	s.idle("companies", penstock.Counts{Read: 3, Unchanged: 3})
}

func TestContacts(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.sql(`CREATE TABLE DB.groups (no String, name String) ENGINE = MergeTree ORDER BY no`, `INSERT INTO DB.groups VALUES ('G-1', 'Group')`,
		`CREATE TABLE DB.people (id Int64, first Nullable(String), last String, sex Enum8('m' = 1, 'f' = 2), born Nullable(Date32), kids Nullable(UInt8), channel Nullable(String),
		tax Nullable(String), fax Nullable(String), income Nullable(Decimal(10, 2)), kind Nullable(String), belongs Nullable(String), quiet Bool, status Nullable(String))
		ENGINE = MergeTree ORDER BY id`,
		`INSERT INTO DB.people VALUES
		(1, 'Anna', 'Łuk', 'f', '1931-03-04', 2, 'letter', 'T-1', '+49', 100.25, 'account', 'G-1', true, 'Active'),
		(2, NULL, 'Ober', 'm', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL),
		(3, 'Karl', 'Peer', 'm', '1971-03-04', 0, 'phone', '', '', 0, 'lead', 'x', false, NULL)`)
	s.sync("groups", "from: {query: groups.sql, key: no}\nto: {environment: ENV, table: account, match: {key: accountnumber}}\nmap: {name: name}\n")
	s.run("groups", "accounts", penstock.Counts{Read: 1, Accepted: 1})
	team := s.dataverse.Rows("team")[0]
	s.sync("people", `
from: {query: people.sql, key: id}
to: {environment: ENV, table: contact, match: {key: externaluseridentifier}, mode: mirror, on_leave: {deactivate: {state: 1, status: 2}}}
after: [groups]
map:
  firstname: {from: first, null: skip}
  lastname: last
  gendercode: {from: sex, values: {m: Male, f: Female}}
  birthdate: born
  numberofchildren: kids
  preferredcontactmethodcode: {from: channel, values: {letter: Mail, phone: 3}}
  websiteurl: {from: tax, mask: hash}
  fax: {from: fax, mask: redact}
  annualincome: income
  donotemail: quiet
  statuscode: {from: status, choice: label, null: skip}
  parentcustomerid:
    to: {from: kind}
    by: {account: {accountnumber: belongs}, contact: {externaluseridentifier: belongs}}
  ownerid: {to: team, by: {teamid: {const: `+unquote(string(team["teamid"]))+`}}}
`)
	const first = "first load"
	s.run("people", first, penstock.Counts{Read: 3, Accepted: 2, Refused: 1})
	s.letters("mapping target_unknown parentcustomerid 1")
	s.holds(first, "contact", "externaluseridentifier", `"1"`, fields{
		"firstname": `"Anna"`, "lastname": `"Łuk"`, "gendercode": "2", "birthdate": `"1931-03-04"`, "numberofchildren": "2", "preferredcontactmethodcode": "5",
		"websiteurl": `"cd4a8a25abc253aa3ce196fd7f16cac5b3645e18cde9fde3b944cda591ea88d1"`, "fax": `"***"`, "annualincome": "100.25", "donotemail": "true", "statecode": "0", "statuscode": "1",
		"_parentcustomerid_value": `"` + s.guid("account", "accountnumber", `"G-1"`) + `"`, "_ownerid_value": string(team["teamid"]),
	})
	s.holds(first, "contact", "externaluseridentifier", `"2"`, fields{
		"firstname": "", "gendercode": "1", "birthdate": "", "numberofchildren": "", "preferredcontactmethodcode": "", "websiteurl": "", "fax": "",
		"annualincome": "", "donotemail": "false", "_parentcustomerid_value": "",
	})
	s.idle("people", penstock.Counts{Read: 3, Unchanged: 2, Waiting: 1})

	s.sql("ALTER TABLE DB.people UPDATE kind = 'Contact', belongs = '2' WHERE id = 3", "ALTER TABLE DB.people UPDATE first = NULL, kids = NULL, born = '2000-02-29' WHERE id = 1")
	s.run("people", "change", penstock.Counts{Read: 3, Unchanged: 1, Accepted: 2})
	s.holds("change", "contact", "externaluseridentifier", `"1"`, fields{"firstname": `"Anna"`, "numberofchildren": "", "birthdate": `"2000-02-29"`})
	s.holds("change", "contact", "externaluseridentifier", `"3"`, fields{
		"_parentcustomerid_value": `"` + s.guid("contact", "externaluseridentifier", `"2"`) + `"`, "preferredcontactmethodcode": "3", "websiteurl": "", "fax": "", "annualincome": "0",
	})

	s.sql("ALTER TABLE DB.people DELETE WHERE id = 1")
	s.run("people", "leave", penstock.Counts{Read: 2, Unchanged: 2, Left: 1, Deleted: 1})
	s.holds("leave", "contact", "externaluseridentifier", `"1"`, fields{"statecode": "1", "statuscode": "2", "lastname": `"Łuk"`})
	expect(t, "records in the end", s.dataverse.Count("contact"), 3)
	s.idle("people", penstock.Counts{Read: 2, Unchanged: 2})
}

func unquote(v string) string { return v[1 : len(v)-1] }

func TestLeads(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.sql(`CREATE TABLE DB.inquiries (id UUID, topic String, last Nullable(String), source Nullable(String), state UInt8, status UInt8, budget Nullable(Decimal(12, 2)), due Nullable(Date),
		frame Nullable(UInt8)) ENGINE = MergeTree ORDER BY id`,
		`INSERT INTO DB.inquiries VALUES
		('6f1d8b3e-0000-4000-8000-000000000001', 'Roof', 'Abel', 'Web', 0, 2, 9.99, '2026-12-24', 0),
		('6f1d8b3e-0000-4000-8000-000000000002', 'Door', 'Babel', NULL, 2, 4, NULL, NULL, NULL),
		('6f1d8b3e-0000-4000-8000-000000000003', 'Wall', 'Cabel', 'Web', 1, 3, 1, NULL, 4),
		('6f1d8b3e-0000-4000-8000-000000000004', 'Floor', NULL, 'Web', 0, 1, 1, NULL, 4)`)
	s.sync("inquiries", `
from: {query: inquiries.sql, key: id}
to: {environment: ENV, table: lead, match: {key: leadid}, mode: create}
map:
  subject: topic
  lastname: {from: last, "null": error}
  leadsourcecode: {from: source, choice: label}
  statecode: state
  statuscode: status
  budgetamount: budget
  estimatedclosedate: due
  purchasetimeframe: frame
  companyname: {const: unknown}
`)
	const first = "first load"
	s.run("inquiries", first, penstock.Counts{Read: 4, Accepted: 2, Refused: 2})
	s.letters("mapping null_refused lastname 1", "mapping state_needs_action statuscode 1")
	s.holds(first, "lead", "leadid", `"6f1d8b3e-0000-4000-8000-000000000001"`, fields{
		"subject": `"Roof"`, "lastname": `"Abel"`, "leadsourcecode": "8", "statecode": "0", "statuscode": "2", "budgetamount": "9.99", "estimatedclosedate": `"2026-12-24"`,
		"purchasetimeframe": "0", "companyname": `"unknown"`,
	})
	s.holds(first, "lead", "leadid", `"6f1d8b3e-0000-4000-8000-000000000002"`, fields{
		"subject": `"Door"`, "leadsourcecode": "", "statecode": "2", "statuscode": "4", "budgetamount": "", "estimatedclosedate": "", "purchasetimeframe": "",
	})
	s.idle("inquiries", penstock.Counts{Read: 4, Unchanged: 2, Waiting: 2})

	// A record is made once: a row that changes later is accepted as the one that is there already, and changes nothing.
	s.sql("ALTER TABLE DB.inquiries UPDATE topic = 'Gate' WHERE last = 'Babel'", "ALTER TABLE DB.inquiries UPDATE last = 'Dabel' WHERE topic = 'Floor'",
		"ALTER TABLE DB.inquiries DELETE WHERE last = 'Abel'")
	s.run("inquiries", "change", penstock.Counts{Read: 3, Accepted: 2, Waiting: 1, Left: 1, Kept: 1})
	s.holds("change", "lead", "leadid", `"6f1d8b3e-0000-4000-8000-000000000002"`, fields{"subject": `"Door"`})
	s.holds("change", "lead", "leadid", `"6f1d8b3e-0000-4000-8000-000000000004"`, fields{"lastname": `"Dabel"`})
	expect(t, "records in the end", s.dataverse.Count("lead"), 3)
}

func TestOpportunities(t *testing.T) {
	t.Parallel()
	s := newStage(t, "extend:\n  opportunity:\n    columns: {cr1_DealNo: {type: text, length: 20}}\n    keys: {cr1_dealnokey: [cr1_dealno]}\n")
	s.sql(`CREATE TABLE DB.clients (no String, name String) ENGINE = MergeTree ORDER BY no`, `INSERT INTO DB.clients VALUES ('C-1', 'Client')`,
		`CREATE TABLE DB.inquiries (id UUID, last String) ENGINE = MergeTree ORDER BY id`, `INSERT INTO DB.inquiries VALUES ('6f1d8b3e-0000-4000-8000-000000000001', 'Abel')`,
		`CREATE TABLE DB.deals (no String, topic String, client String, inquiry Nullable(UUID)) ENGINE = MergeTree ORDER BY no`,
		`INSERT INTO DB.deals VALUES ('D-1', 'Roof', 'C-1', '6f1d8b3e-0000-4000-8000-000000000001'), ('D-2', 'Door', 'C-1', NULL)`,
		`CREATE TABLE DB.forecasts (no String, worth Nullable(Decimal(18, 2)), currency String, discount Nullable(Decimal(5, 2)), chance Nullable(UInt8), close Nullable(Date),
		decided Nullable(DateTime64(3, 'Europe/Berlin')), stage Nullable(String), status Nullable(String)) ENGINE = MergeTree ORDER BY no`,
		`INSERT INTO DB.forecasts VALUES
		('D-1', 5000, 'USD', 12.5, 80, '2026-07-01', '2026-07-01 00:30:15.999', 'Propose', 'On Hold'),
		('D-2', NULL, 'USD', NULL, NULL, NULL, NULL, NULL, NULL),
		('D-9', 1, 'USD', 1, 1, NULL, NULL, NULL, NULL)`)
	s.sync("clients", "from: {query: clients.sql, key: no}\nto: {environment: ENV, table: account, match: {key: accountnumber}}\nmap: {name: name}\n")
	s.sync("inquiries", "from: {query: inquiries.sql, key: id}\nto: {environment: ENV, table: lead, match: {key: leadid}}\nmap: {lastname: last, subject: {const: Roof}}\n")
	s.sync("deals", `
from: {query: deals.sql, key: no}
to: {environment: ENV, table: opportunity, match: {key: cr1_dealno}}
map:
  name: topic
  customerid: {to: account, by: {accountnumber: client}}
  originatingleadid: {to: lead, by: {leadid: inquiry}}
`)
	s.sync("forecasts", `
from: {query: forecasts.sql, key: no}
to: {environment: ENV, table: opportunity, match: {key: cr1_dealno}, mode: update, on_leave: {clear: [estimatedvalue, closeprobability]}}
map:
  estimatedvalue: worth
  transactioncurrencyid: `+dollars+`
  discountpercentage: discount
  closeprobability: chance
  estimatedclosedate: close
  finaldecisiondate: decided
  salesstage: {from: stage, choice: label}
  statuscode: {from: status, choice: label, null: skip}
`)
	s.run("clients", "accounts", penstock.Counts{Read: 1, Accepted: 1})
	s.run("inquiries", "leads", penstock.Counts{Read: 1, Accepted: 1})
	s.run("deals", "deals", penstock.Counts{Read: 2, Accepted: 2})
	const first = "first load"
	s.run("forecasts", first, penstock.Counts{Read: 3, Accepted: 2, Refused: 1})
	expect(t, "records", s.dataverse.Count("opportunity"), 2)
	s.holds(first, "opportunity", "cr1_dealno", `"D-1"`, fields{
		"name": `"Roof"`, "_customerid_value": `"` + s.guid("account", "accountnumber", `"C-1"`) + `"`, "_originatingleadid_value": `"6f1d8b3e-0000-4000-8000-000000000001"`,
		"estimatedvalue": "5000", "discountpercentage": "12.5", "closeprobability": "80", "estimatedclosedate": `"2026-07-01"`,
		"finaldecisiondate": `"2026-06-30T22:30:15Z"`, "salesstage": "2", "statecode": "0", "statuscode": "2",
	})
	s.holds(first, "opportunity", "cr1_dealno", `"D-2"`, fields{"_originatingleadid_value": "", "estimatedvalue": "", "finaldecisiondate": "", "salesstage": "", "statuscode": "1"})
	s.idle("forecasts", penstock.Counts{Read: 3, Unchanged: 2, Waiting: 1})

	s.sql("ALTER TABLE DB.forecasts UPDATE worth = 7.1, chance = 10, decided = NULL, stage = 'Close' WHERE no = 'D-1'")
	s.run("forecasts", "change", penstock.Counts{Read: 3, Unchanged: 1, Accepted: 1, Waiting: 1})
	s.holds("change", "opportunity", "cr1_dealno", `"D-1"`, fields{"estimatedvalue": "7.1", "closeprobability": "10", "finaldecisiondate": "", "salesstage": "3", "estimatedclosedate": `"2026-07-01"`})
	s.sql("ALTER TABLE DB.forecasts DELETE WHERE no = 'D-1'")
	s.run("forecasts", "leave", penstock.Counts{Read: 2, Unchanged: 1, Waiting: 1, Left: 1, Deleted: 1})
	s.holds("leave", "opportunity", "cr1_dealno", `"D-1"`, fields{"name": `"Roof"`, "estimatedvalue": "", "closeprobability": "", "salesstage": "3"})
	s.idle("forecasts", penstock.Counts{Read: 2, Unchanged: 1, Waiting: 1})
}

func TestCustomTables(t *testing.T) {
	t.Parallel()
	s := newStage(t, `
tables:
  cr1_Visit:
    columns:
      cr1_Site: {type: text, length: 20}
      cr1_Day: date
      cr1_Membership: {lookup: new_membership}
    keys:
      cr1_visitkey: [cr1_site, cr1_day]
`)
	s.sql(`CREATE TABLE DB.memberships (program String, number UInt32, tier Nullable(String), interests Array(String), channel Nullable(String), fee Nullable(Decimal(10, 2)), score Nullable(Decimal(12, 4)),
		weight Nullable(Float64), joined Nullable(Date), seen Nullable(DateTime('UTC')), opens Nullable(DateTime('Europe/Berlin')), paid Nullable(UInt8), points Nullable(Int64),
		external Nullable(UUID), notes Nullable(String)) ENGINE = MergeTree ORDER BY number`,
		`INSERT INTO DB.memberships VALUES
		('club', 1, 'gold', ['Travel', 'sport', 'Sport'], 'laden', 19.9, 0.1234, 0.25, '2020-02-29', '2026-03-29 01:30:00', '2026-07-01 08:00:00', 1, 9007199254740993,
			'0e6f2b0c-1111-4222-8333-444455556666', 'first\nsecond'),
		('club', 2, NULL, [], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''),
		('club', 3, 'gold', ['Chess'], 'Web', 1, 1, 1, NULL, NULL, NULL, 0, 0, NULL, NULL)`,
		`CREATE TABLE DB.visits (site String, day Date, program Nullable(String), number Nullable(UInt32)) ENGINE = MergeTree ORDER BY day`,
		`INSERT INTO DB.visits VALUES ('north', '2026-01-01', 'club', 1), ('north', '2026-01-02', NULL, NULL), ('south', '2026-01-01', 'club', NULL)`)
	s.sync("memberships", `
from: {query: memberships.sql, key: [program, number]}
to: {environment: ENV, table: new_membership, match: {key: [new_program, new_number]}, on_leave: deactivate}
map:
  new_name: {template: "{{program}} {{number}}"}
  new_tier: {from: tier, values: {gold: Gold, silver: 100000001}}
  new_interests: {from: interests, choice: label}
  new_channel: {from: channel, choice: label, language: 1031}
  new_fee: fee
  new_score: score
  new_weight: weight
  new_joinedon: joined
  new_lastvisit: seen
  new_openingtime: opens
  new_paid: paid
  new_points: points
  new_externalid: external
  new_notes: {from: notes, empty: skip}
`)
	s.sync("visits", `
from: {query: visits.sql, key: [site, day]}
to: {environment: ENV, table: cr1_visit, match: {key: cr1_visitkey}}
after: [memberships]
map:
  cr1_membership: {to: new_membership, by: {new_program: program, new_number: number}}
`)
	const first = "first load"
	s.run("memberships", first, penstock.Counts{Read: 3, Accepted: 2, Refused: 1})
	s.run("visits", first, penstock.Counts{Read: 3, Accepted: 2, Refused: 1})
	s.letters("mapping choice_unknown new_interests 1", "mapping reference_incomplete cr1_membership 1")
	s.holds(first, "new_membership", "new_number", "1", fields{
		"new_name": `"club 1"`, "new_program": `"club"`, "new_tier": "100000002", "new_interests": `"1,3"`, "new_channel": "1", "new_fee": "19.9", "new_score": "0.1234",
		"new_weight": "0.25", "new_joinedon": `"2020-02-29"`, "new_lastvisit": `"2026-03-29T01:30:00Z"`, "new_openingtime": `"2026-07-01T08:00:00Z"`, "new_paid": "true",
		"new_points": "9007199254740993", "new_externalid": `"0e6f2b0c-1111-4222-8333-444455556666"`, "new_notes": `"first\nsecond"`,
	})
	s.holds(first, "new_membership", "new_number", "2", fields{
		"new_tier": "", "new_interests": "", "new_channel": "", "new_fee": "", "new_score": "", "new_weight": "", "new_joinedon": "", "new_lastvisit": "", "new_openingtime": "",
		"new_points": "", "new_externalid": "", "new_notes": "",
	})
	member := `"` + s.guid("new_membership", "new_number", "1") + `"`
	s.holds(first, "cr1_visit", "cr1_day", `"2026-01-01"`, fields{"cr1_site": `"north"`, "_cr1_membership_value": member})
	s.holds(first, "cr1_visit", "cr1_day", `"2026-01-02"`, fields{"cr1_site": `"north"`, "_cr1_membership_value": ""})
	s.idle("memberships", penstock.Counts{Read: 3, Unchanged: 2, Waiting: 1})
	s.idle("visits", penstock.Counts{Read: 3, Unchanged: 2, Waiting: 1})

	s.sql("ALTER TABLE DB.memberships UPDATE interests = [], tier = 'silver', notes = '', paid = 0 WHERE number = 1", "ALTER TABLE DB.memberships UPDATE interests = ['Music'] WHERE number = 3")
	s.run("memberships", "change", penstock.Counts{Read: 3, Unchanged: 1, Accepted: 2})
	s.holds("change", "new_membership", "new_number", "1", fields{"new_interests": "", "new_tier": "100000001", "new_notes": `"first\nsecond"`, "new_paid": "false"})
	s.holds("change", "new_membership", "new_number", "3", fields{"new_interests": `"2"`, "new_channel": "2", "new_points": "0"})
	s.sql("ALTER TABLE DB.memberships DELETE WHERE number = 1")
	s.run("memberships", "leave", penstock.Counts{Read: 2, Unchanged: 2, Left: 1, Deleted: 1})
	s.holds("leave", "new_membership", "new_number", "1", fields{"statecode": "1", "statuscode": "2", "new_name": `"club 1"`})
	s.idle("memberships", penstock.Counts{Read: 2, Unchanged: 2})
}
