package schema

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

// CollectionName returns the collection-valued navigation property that the referenced table has for a lookup column of t: the relationship's
// ReferencedEntityNavigationPropertyName. It is Target.Collection, or Microsoft's own name, or <referenced>_<referencing>_<column>.
func (t *Table) CollectionName(c *Column, to Target) string {
	if to.Collection != "" {
		return to.Collection
	}
	if name := collections[t.Name+"."+c.Name+"."+to.Table]; name != "" {
		return name
	}
	return to.Table + "_" + t.Name + "_" + c.Name
}
