package schema

// The functions of this file make columns; name is the schema name, of which the logical name is the lower-case form.

import "strings"

func column(t Type, name, label string) Column {
	return Column{Name: strings.ToLower(name), Schema: name, Label: label, Type: t}
}

func text(name, label string, max int) Column {
	c := column(String, name, label)
	c.MaxLength = max
	return c
}

func memo(name, label string, max int) Column {
	c := column(Memo, name, label)
	c.MaxLength = max
	return c
}

func integer(name, label string, low, high float64) Column {
	c := column(Integer, name, label)
	c.Min, c.Max = low, high
	return c
}

func decimal(name, label string, low, high float64, precision int) Column {
	c := column(Decimal, name, label)
	c.Min, c.Max, c.Precision = low, high, precision
	return c
}

func double(name, label string, low, high float64, precision int) Column {
	c := column(Double, name, label)
	c.Min, c.Max, c.Precision = low, high, precision
	return c
}

func money(name, label string) Column {
	c := column(Money, name, label)
	c.Precision = 2
	return c
}

func boolean(name, label, no, yes string) Column {
	c := column(Boolean, name, label)
	c.Options = []Option{{Value: 0, Label: no}, {Value: 1, Label: yes}}
	return c
}

// choice numbers its labels from 1, as most standard choices do.
func choice(name, label string, labels ...string) Column {
	c := column(Choice, name, label)
	for i, l := range labels {
		c.Options = append(c.Options, Option{Value: i + 1, Label: l})
	}
	return c
}

func options(name, label string, opts ...Option) Column {
	c := column(Choice, name, label)
	c.Options = opts
	return c
}

func multi(name, label string, opts ...Option) Column {
	c := column(MultiChoice, name, label)
	c.Options = opts
	return c
}

func date(name, label string) Column {
	c := column(DateTime, name, label)
	c.Behavior = DateOnly
	return c
}

func moment(name, label string) Column {
	c := column(DateTime, name, label)
	c.Behavior = UserLocal
	return c
}

// day shows a moment as a date: the format is DateOnly, while the behaviour, and with it the type in JSON, stays (section 2.7).
func day(c Column) Column {
	c.Format = "DateOnly"
	return c
}

func lookup(name, label string, targets ...Target) Column {
	c := column(Lookup, name, label)
	c.Targets = targets
	return c
}

// customer is a lookup to account or contact with the navigation names <column>_account and <column>_contact.
func customer(name, label string) Column {
	c := column(Customer, name, label)
	c.Targets = []Target{{Table: "account", Navigation: c.Name + "_account"}, {Table: "contact", Navigation: c.Name + "_contact"}}
	return c
}

func readOnly(c Column) Column {
	c.ReadOnly = true
	return c
}

func required(c Column, level string) Column {
	c.Required = level
	return c
}

// joined is the read-only name that Dataverse composes of other columns.
func joined(name, label string, max int, of ...string) Column {
	c := readOnly(text(name, label, max))
	c.Joined = of
	return c
}

// primary is the primary key of a table.
func primary(name, label string) Column { return required(column(ID, name, label), "SystemRequired") }

// Common returns the columns that every user-owned table has: owner, currency, state and reason, times and version.
// reasons holds the status reasons with their states; states their labels, from 0.
func Common(states []string, reasons ...Option) []Column {
	state := required(column(State, "StateCode", "Status"), "SystemRequired")
	for i, label := range states {
		state.Options = append(state.Options, Option{Value: i, Label: label})
	}
	status := column(Status, "StatusCode", "Status Reason")
	status.Options = reasons
	owner := required(column(Owner, "OwnerId", "Owner"), "SystemRequired")
	owner.Targets = []Target{{Table: "systemuser", Navigation: "ownerid"}, {Table: "team", Navigation: "ownerid"}}
	return []Column{
		state, status, owner,
		lookup("TransactionCurrencyId", "Currency", Target{Table: "transactioncurrency", Navigation: "transactioncurrencyid"}),
		readOnly(moment("CreatedOn", "Created On")),
		readOnly(moment("ModifiedOn", "Modified On")),
		moment("OverriddenCreatedOn", "Record Created On"),
		readOnly(column(BigInt, "VersionNumber", "Version Number")),
	}
}

// address returns the columns of one of the composite addresses of account, contact and lead.
func address(number string) []Column {
	p, l := "Address"+number+"_", "Address "+number+": "
	return []Column{
		text(p+"Name", l+"Name", 200), text(p+"Line1", l+"Street 1", 250), text(p+"Line2", l+"Street 2", 250), text(p+"Line3", l+"Street 3", 250),
		text(p+"City", l+"City", 80), text(p+"StateOrProvince", l+"State/Province", 50), text(p+"PostalCode", l+"ZIP/Postal Code", 20),
		text(p+"Country", l+"Country/Region", 80), double(p+"Latitude", l+"Latitude", -90, 90, 5), double(p+"Longitude", l+"Longitude", -180, 180, 5),
	}
}

// active are the states and reasons of most tables.
func active() []Column {
	return Common([]string{"Active", "Inactive"}, Option{Value: 1, Label: "Active"}, Option{Value: 2, Label: "Inactive", State: 1})
}
