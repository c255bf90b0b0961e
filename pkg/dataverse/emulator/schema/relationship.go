package schema

import "cmp"

// collections are the names that Microsoft's own relationships have, by <referencing>.<column>.<referenced>.
//
//nolint:gochecknoglobals // constant table
var collections = map[string]string{
	"account.parentaccountid.account":                       "account_parent_account",
	"account.primarycontactid.contact":                      "account_primary_contact",
	"account.originatingleadid.lead":                        "account_originating_lead",
	"contact.parentcustomerid.account":                      "contact_customer_accounts",
	"contact.parentcustomerid.contact":                      "contact_customer_contacts",
	"contact.originatingleadid.lead":                        "contact_originating_lead",
	"lead.parentaccountid.account":                          "lead_parent_account",
	"lead.parentcontactid.contact":                          "lead_parent_contact",
	"lead.customerid.account":                               "lead_customer_accounts",
	"lead.customerid.contact":                               "lead_customer_contacts",
	"opportunity.parentaccountid.account":                   "opportunity_parent_account",
	"opportunity.parentcontactid.contact":                   "opportunity_parent_contact",
	"opportunity.customerid.account":                        "opportunity_customer_accounts",
	"opportunity.customerid.contact":                        "opportunity_customer_contacts",
	"opportunity.originatingleadid.lead":                    "opportunity_originating_lead",
	"account.transactioncurrencyid.transactioncurrency":     "transactioncurrency_account",
	"contact.transactioncurrencyid.transactioncurrency":     "transactioncurrency_contact",
	"lead.transactioncurrencyid.transactioncurrency":        "transactioncurrency_lead",
	"opportunity.transactioncurrencyid.transactioncurrency": "transactioncurrency_opportunity",
	"account.ownerid.systemuser":                            "user_accounts",
	"account.ownerid.team":                                  "team_accounts",
	"contact.ownerid.systemuser":                            "contact_owning_user",
	"contact.ownerid.team":                                  "contact_owning_team",
	"lead.ownerid.systemuser":                               "lead_owning_user",
	"lead.ownerid.team":                                     "lead_owning_team",
	"opportunity.ownerid.systemuser":                        "opportunity_owning_user",
	"opportunity.ownerid.team":                              "opportunity_owning_team",
}

// Relationship returns the schema name of the relationship by which column c points at a target: contact_new_membership_new_contact.
// Microsoft's own relationships have names of their own; that of an owner is one for users and teams.
func (t *Table) Relationship(c *Column, to Target) string {
	referenced := to.Table
	if c.Type == Owner {
		referenced = "owner"
	}
	return cmp.Or(to.Relationship, collections[t.Name+"."+c.Name+"."+referenced], referenced+"_"+t.Name+"_"+c.Name)
}

// Collection returns the navigation property by which the target table lists the rows that point at it.
func (t *Table) Collection(c *Column, to Target) string {
	return cmp.Or(to.Collection, collections[t.Name+"."+c.Name+"."+to.Table], t.Relationship(c, to))
}
