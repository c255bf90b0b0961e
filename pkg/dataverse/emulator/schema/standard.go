package schema

import "slices"

// Standard returns the tables that are there without being configured: account, contact, lead, opportunity, the activities task and phonecall,
// the tables that users, their organisation and currencies live in, and new_membership, a custom table as a customer would make one.
func Standard() []Table {
	return []Table{
		account(), contact(), lead(), opportunity(), task(), phoneCall(), membership(), systemUser(), team(), businessUnit(), role(), currency(),
		sdkMessage(), sdkMessageFilter(), asyncOperation(),
	}
}

// industries are the options of IndustryCode, which account and lead share.
func industries() []string {
	return []string{
		"Accounting", "Agriculture and Non-petrol Natural Resource Extraction", "Broadcasting Printing and Publishing", "Brokers",
		"Building Supply Retail", "Business Services", "Consulting", "Consumer Services", "Design, Direction and Creative Management",
		"Distributors, Dispatchers and Processors", "Doctor's Offices and Clinics", "Durable Manufacturing", "Eating and Drinking Places",
		"Entertainment Retail", "Equipment Rental and Leasing", "Financial", "Food and Tobacco Processing", "Inbound Capital Intensive Processing",
		"Inbound Repair and Services", "Insurance", "Legal Services", "Non-Durable Merchandise Retail", "Outbound Consumer Service",
		"Petrochemical Extraction and Distribution", "Service Retail", "SIG Affiliations", "Social Services",
		"Special Outbound Trade Contractors", "Specialty Realty", "Transportation", "Utility Creation and Distribution", "Vehicle Retail", "Wholesale",
	}
}

// sources are the options of LeadSourceCode.
func sources() []string {
	return []string{
		"Advertisement", "Employee Referral", "External Referral", "Partner", "Public Relations", "Seminar", "Trade Show", "Web", "Word of Mouth", "Other",
	}
}

// timeframe is a column of lead and of opportunity with a global choice.
func timeframe() Column {
	c := options("PurchaseTimeFrame", "Purchase Timeframe", Option{Value: 0, Label: "Immediate"}, Option{Value: 1, Label: "This Quarter"},
		Option{Value: 2, Label: "Next Quarter"}, Option{Value: 3, Label: "This Year"}, Option{Value: 4, Label: "Unknown"})
	c.Global = GlobalChoice{Name: "purchasetimeframe", Label: "Purchase Timeframe"}
	return c
}

func account() Table {
	columns := slices.Concat([]Column{
		primary("AccountId", "Account"),
		required(text("Name", "Account Name", 160), "ApplicationRequired"),
		text("AccountNumber", "Account Number", 20),
		text("EMailAddress1", "Email", 100), text("EMailAddress2", "Email Address 2", 100),
		text("Telephone1", "Main Phone", 50), text("Telephone2", "Other Phone", 50), text("Fax", "Fax", 50),
		text("WebSiteURL", "Website", 200), text("TickerSymbol", "Ticker Symbol", 10), text("SIC", "SIC Code", 20),
		memo("Description", "Description", 2000),
		money("Revenue", "Annual Revenue"), money("MarketCap", "Market Capitalization"), money("CreditLimit", "Credit Limit"),
		integer("NumberOfEmployees", "Number of Employees", 0, 1000000000), integer("SharesOutstanding", "Shares Outstanding", 0, 1000000000),
		choice("IndustryCode", "Industry", industries()...),
		choice("CustomerTypeCode", "Relationship Type", "Competitor", "Consultant", "Customer", "Investor", "Partner", "Influencer", "Press",
			"Prospect", "Reseller", "Supplier", "Vendor", "Other"),
		choice("AccountCategoryCode", "Category", "Preferred Customer", "Standard"),
		choice("AccountRatingCode", "Account Rating", "Default Value"),
		choice("OwnershipCode", "Ownership", "Public", "Private", "Subsidiary", "Other"),
		choice("PaymentTermsCode", "Payment Terms", "Net 30", "2% 10, Net 30", "Net 45", "Net 60"),
		boolean("CreditOnHold", "Credit Hold", "No", "Yes"), boolean("DoNotEMail", "Do not allow Emails", "Allow", "Do Not Allow"),
		boolean("DoNotPhone", "Do not allow Phone Calls", "Allow", "Do Not Allow"),
		day(moment("LastUsedInCampaign", "Last Date Included in Campaign")),
		lookup("ParentAccountId", "Parent Account", Target{Table: "account", Navigation: "parentaccountid", Parental: true}),
		lookup("PrimaryContactId", "Primary Contact", Target{Table: "contact", Navigation: "primarycontactid"}),
		lookup("OriginatingLeadId", "Originating Lead", Target{Table: "lead", Navigation: "originatingleadid"}),
	}, address("1"), address("2"), active())
	return Table{
		Name: "account", Schema: "Account", Set: "accounts", Label: "Account", PrimaryID: "accountid", PrimaryName: "name", TypeCode: 1, Columns: columns,
		Keys: []Key{{Name: "new_accountnumberkey", Label: "Account Number Key", Columns: []string{"accountnumber"}}},
	}
}

func contact() Table {
	columns := slices.Concat([]Column{
		primary("ContactId", "Contact"),
		joined("FullName", "Full Name", 160, "firstname", "lastname"),
		text("FirstName", "First Name", 50), text("MiddleName", "Middle Name", 50),
		required(text("LastName", "Last Name", 50), "ApplicationRequired"),
		text("Salutation", "Salutation", 100), text("Suffix", "Suffix", 10), text("NickName", "Nickname", 100), text("JobTitle", "Job Title", 100),
		text("Department", "Department", 100), text("EMailAddress1", "Email", 100), text("EMailAddress2", "Email Address 2", 100),
		text("EMailAddress3", "Email Address 3", 100), text("Telephone1", "Business Phone", 50), text("Telephone2", "Home Phone", 50),
		text("MobilePhone", "Mobile Phone", 50), text("Fax", "Fax", 50), text("WebSiteUrl", "Website", 200),
		text("ExternalUserIdentifier", "External User Identifier", 50), text("GovernmentId", "Government", 50), text("EmployeeId", "Employee", 50),
		memo("Description", "Description", 2000),
		date("BirthDate", "Birthday"), date("Anniversary", "Anniversary"), day(moment("LastUsedInCampaign", "Last Date Included in Campaign")),
		choice("GenderCode", "Gender", "Male", "Female"), choice("FamilyStatusCode", "Marital Status", "Single", "Married", "Divorced", "Widowed"),
		choice("CustomerTypeCode", "Relationship Type", "Default Value"), choice("LeadSourceCode", "Lead Source", "Default Value"),
		choice("AccountRoleCode", "Role", "Decision Maker", "Employee", "Influencer"),
		choice("PreferredContactMethodCode", "Preferred Method of Contact", "Any", "Email", "Phone", "Fax", "Mail"),
		choice("EducationCode", "Education", "Default Value"),
		boolean("DoNotEMail", "Do not allow Emails", "Allow", "Do Not Allow"), boolean("DoNotPhone", "Do not allow Phone Calls", "Allow", "Do Not Allow"),
		boolean("DoNotPostalMail", "Do not allow Mails", "Allow", "Do Not Allow"), boolean("CreditOnHold", "Credit Hold", "No", "Yes"),
		integer("NumberOfChildren", "No. of Children", 0, 1000000000),
		money("AnnualIncome", "Annual Income"), money("CreditLimit", "Credit Limit"),
		customer("ParentCustomerId", "Company Name"),
		lookup("OriginatingLeadId", "Originating Lead", Target{Table: "lead", Navigation: "originatingleadid"}),
	}, address("1"), address("2"), active())
	return Table{
		Name: "contact", Schema: "Contact", Set: "contacts", Label: "Contact", PrimaryID: "contactid", PrimaryName: "fullname", TypeCode: 2, Columns: columns,
		Keys: []Key{{Name: "new_externaluseridentifierkey", Label: "External User Identifier Key", Columns: []string{"externaluseridentifier"}}},
	}
}

func lead() Table {
	columns := slices.Concat([]Column{
		primary("LeadId", "Lead"),
		joined("FullName", "Name", 160, "firstname", "lastname"),
		required(text("Subject", "Topic", 300), "ApplicationRequired"), text("FirstName", "First Name", 50),
		required(text("LastName", "Last Name", 50), "ApplicationRequired"), text("CompanyName", "Company Name", 100), text("JobTitle", "Job Title", 100),
		text("EMailAddress1", "Email", 100), text("Telephone1", "Business Phone", 50), text("MobilePhone", "Mobile Phone", 50),
		text("WebSiteUrl", "Website", 200), memo("Description", "Description", 2000),
		choice("LeadSourceCode", "Lead Source", sources()...), choice("LeadQualityCode", "Rating", "Hot", "Warm", "Cold"),
		choice("IndustryCode", "Industry", industries()...), timeframe(),
		integer("NumberOfEmployees", "No. of Employees", 0, 1000000), money("Revenue", "Annual Revenue"), money("BudgetAmount", "Budget Amount"),
		boolean("DoNotEMail", "Do not allow Emails", "Allow", "Do Not Allow"), boolean("DecisionMaker", "Decision Maker?", "completed", "mark complete"),
		date("EstimatedCloseDate", "Est. Close Date"), money("EstimatedAmount", "Est. Value"),
		lookup("ParentAccountId", "Parent Account for lead", Target{Table: "account", Navigation: "parentaccountid"}),
		lookup("ParentContactId", "Parent Contact for lead", Target{Table: "contact", Navigation: "parentcontactid"}),
		customer("CustomerId", "Customer"),
	}, address("1"), Common([]string{"Open", "Qualified", "Disqualified"},
		Option{Value: 1, Label: "New"}, Option{Value: 2, Label: "Contacted"}, Option{Value: 3, Label: "Qualified", State: 1},
		Option{Value: 4, Label: "Lost", State: 2}, Option{Value: 5, Label: "Cannot Contact", State: 2},
		Option{Value: 6, Label: "No Longer Interested", State: 2}, Option{Value: 7, Label: "Canceled", State: 2}))
	return Table{Name: "lead", Schema: "Lead", Set: "leads", Label: "Lead", PrimaryID: "leadid", PrimaryName: "fullname", TypeCode: 4, Columns: columns}
}

func opportunity() Table {
	columns := slices.Concat([]Column{
		primary("OpportunityId", "Opportunity"),
		required(text("Name", "Topic", 300), "ApplicationRequired"),
		memo("Description", "Description", 2000), memo("CustomerNeed", "Customer Need", 2000), memo("CurrentSituation", "Current Situation", 2000),
		money("EstimatedValue", "Est. Revenue"), money("ActualValue", "Actual Revenue"), money("BudgetAmount", "Budget Amount"),
		money("TotalAmount", "Total Amount"), decimal("DiscountPercentage", "Opportunity Discount (%)", 0, 100, 2),
		date("EstimatedCloseDate", "Est. Close Date"), date("ActualCloseDate", "Actual Close Date"), moment("FinalDecisionDate", "Final Decision Date"),
		integer("CloseProbability", "Probability", 0, 100), choice("OpportunityRatingCode", "Rating", "Hot", "Warm", "Cold"),
		options("SalesStage", "Sales Stage", Option{Value: 0, Label: "Qualify"}, Option{Value: 1, Label: "Develop"}, Option{Value: 2, Label: "Propose"},
			Option{Value: 3, Label: "Close"}),
		timeframe(),
		boolean("IsRevenueSystemCalculated", "Revenue", "User Provided", "System Calculated"), boolean("DecisionMaker", "Decision Maker?", "completed", "mark complete"),
		customer("CustomerId", "Potential Customer"),
		lookup("ParentAccountId", "Account", Target{Table: "account", Navigation: "parentaccountid"}),
		lookup("ParentContactId", "Contact", Target{Table: "contact", Navigation: "parentcontactid"}),
		lookup("OriginatingLeadId", "Originating Lead", Target{Table: "lead", Navigation: "originatingleadid"}),
	}, Common([]string{"Open", "Won", "Lost"},
		Option{Value: 1, Label: "In Progress"}, Option{Value: 2, Label: "On Hold"}, Option{Value: 3, Label: "Won", State: 1},
		Option{Value: 4, Label: "Canceled", State: 2}, Option{Value: 5, Label: "Out-Sold", State: 2}))
	return Table{
		Name: "opportunity", Schema: "Opportunity", Set: "opportunities", Label: "Opportunity", Plural: "Opportunities", PrimaryID: "opportunityid", PrimaryName: "name", TypeCode: 3,
		Closing: []int{1, 2}, Columns: columns,
	}
}

// membership is what a customer's own table looks like: a publisher's prefix, navigation properties with capitals, each type of column, a global
// choice, labels in two languages, a compound key, numbers and a lookup among its columns, and a restricted delete.
func membership() Table {
	columns := slices.Concat([]Column{
		primary("new_MembershipId", "Membership"),
		text("new_Name", "Name", 100), text("new_Program", "Program", 40), integer("new_Number", "Number", 0, 2147483647), text("new_Code", "Code", 36),
		options("new_Tier", "Tier", Option{Value: 100000000, Label: "Bronze"}, Option{Value: 100000001, Label: "Silver"}, Option{Value: 100000002, Label: "Gold"}),
		multi("new_Interests", "Interests", Option{Value: 1, Label: "Sport"}, Option{Value: 2, Label: "Music"}, Option{Value: 3, Label: "Travel"}),
		money("new_Fee", "Fee"), decimal("new_Score", "Score", -1000000, 1000000, 4), double("new_Weight", "Weight", 0, 1, 5),
		date("new_JoinedOn", "Joined On"), moment("new_LastVisit", "Last Visit"),
		{Name: "new_openingtime", Schema: "new_OpeningTime", Label: "Opening Time", Type: DateTime, Behavior: TimeZoneIndependent},
		boolean("new_Paid", "Paid", "No", "Yes"), memo("new_Notes", "Notes", 4000),
		{
			Name: "new_channel", Schema: "new_Channel", Label: "Channel", Labels: Labels{1031: "Kanal"}, Type: Choice,
			Global:  GlobalChoice{Name: "new_channels", Label: "Channels"},
			Options: []Option{{Value: 1, Label: "Shop", Labels: Labels{1031: "Laden"}}, {Value: 2, Label: "Web"}},
		},
		{Name: "new_visits", Schema: "new_Visits", Label: "Visits", Type: Integer, Source: Rollup, ReadOnly: true},
		column(BigInt, "new_Points", "Points"), column(ID, "new_ExternalId", "External ID"),
		{Name: "new_photo", Schema: "new_Photo", Label: "Photo", Type: Image, MaxSize: 10240},
		{Name: "new_contract", Schema: "new_Contract", Label: "Contract", Type: File, MaxSize: 32768},
		lookup("new_Contact", "Contact", Target{Table: "contact", Navigation: "new_Contact", Restrict: true}),
		lookup("new_Sponsor", "Sponsor", Target{Table: "account", Navigation: "new_Sponsor_account"}, Target{Table: "contact", Navigation: "new_Sponsor_contact"}),
	}, active())
	return Table{
		Name: "new_membership", Schema: "new_Membership", Set: "new_memberships", Label: "Membership", Labels: Labels{1031: "Mitgliedschaft"},
		PrimaryID: "new_membershipid", PrimaryName: "new_name",
		TypeCode: 10001, Columns: columns,
		Keys: []Key{
			{Name: "new_programnumberkey", Label: "Program and Number Key", Columns: []string{"new_program", "new_number"}},
			{Name: "new_codekey", Label: "Code Key", Columns: []string{"new_code"}},
			{Name: "new_contacttierkey", Label: "Contact and Tier Key", Columns: []string{"new_contact", "new_tier"}},
			{Name: "new_namekey", Label: "Name Key", Columns: []string{"new_name"}, Status: Failed},
		},
	}
}

func currency() Table {
	return Table{
		Name: "transactioncurrency", Schema: "TransactionCurrency", Set: "transactioncurrencies", Label: "Currency", Plural: "Currencies", PrimaryID: "transactioncurrencyid",
		PrimaryName: "currencyname", TypeCode: 9105, Organization: true,
		Columns: []Column{
			primary("TransactionCurrencyId", "Currency"), text("CurrencyName", "Currency Name", 100), text("ISOCurrencyCode", "Currency Code", 5),
			text("CurrencySymbol", "Currency Symbol", 10), decimal("ExchangeRate", "Exchange Rate", 0.0000000001, 100000000000, 12),
			readOnly(moment("CreatedOn", "Created On")), readOnly(moment("ModifiedOn", "Modified On")), readOnly(column(BigInt, "VersionNumber", "Version Number")),
		},
		Keys: []Key{{Name: "isocurrencycodekey", Label: "Currency Code Key", Columns: []string{"isocurrencycode"}}},
	}
}
