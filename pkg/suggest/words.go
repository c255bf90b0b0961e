package suggest

import (
	"slices"
	"strings"
	"unicode"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// synonyms are what warehouses call the standard columns of Dataverse, with the columns in the order of preference. Names are
// compared without regard to case and to what parts their words. Only what is meant without doubt is here: a wrong
// suggestion costs more than none.
var synonyms = map[string][]string{ //nolint:gochecknoglobals // constant table
	"email": {"emailaddress1", "emailaddress"}, "mail": {"emailaddress1"}, "emailaddress": {"emailaddress1"}, "primaryemail": {"emailaddress1"},
	"email1": {"emailaddress1"}, "email2": {"emailaddress2"}, "secondaryemail": {"emailaddress2"}, "email3": {"emailaddress3"},

	"phone": {"telephone1"}, "telephone": {"telephone1"}, "phonenumber": {"telephone1"}, "telephonenumber": {"telephone1"}, "businessphone": {"telephone1"},
	"workphone": {"telephone1"}, "officephone": {"telephone1"}, "phone1": {"telephone1"}, "homephone": {"telephone2"}, "phone2": {"telephone2"},
	"mobile": {"mobilephone"}, "cell": {"mobilephone"}, "cellphone": {"mobilephone"}, "mobilenumber": {"mobilephone"}, "cellnumber": {"mobilephone"},
	"faxnumber": {"fax"},

	"website": {"websiteurl"}, "url": {"websiteurl"}, "web": {"websiteurl"}, "homepage": {"websiteurl"}, "weburl": {"websiteurl"},

	"street": {"address1_line1"}, "address": {"address1_line1"}, "address1": {"address1_line1"}, "addressline1": {"address1_line1"}, "street1": {"address1_line1"},
	"address2": {"address1_line2"}, "addressline2": {"address1_line2"}, "street2": {"address1_line2"},
	"city": {"address1_city"}, "town": {"address1_city"},
	"zip": {"address1_postalcode"}, "zipcode": {"address1_postalcode"}, "postcode": {"address1_postalcode"}, "postalcode": {"address1_postalcode"}, "plz": {"address1_postalcode"},
	"region": {"address1_stateorprovince"}, "province": {"address1_stateorprovince"}, "stateorprovince": {"address1_stateorprovince"},
	"country": {"address1_country"}, "countryname": {"address1_country"},

	"givenname": {"firstname"}, "forename": {"firstname"}, "surname": {"lastname"}, "familyname": {"lastname"},
	"born": {"birthdate"}, "birthday": {"birthdate"}, "dateofbirth": {"birthdate"}, "dob": {"birthdate"},
	"gender": {"gendercode"}, "sex": {"gendercode"}, "maritalstatus": {"familystatuscode"},
	"title": {"jobtitle"}, "position": {"jobtitle"},
	"children": {"numberofchildren"}, "childrencount": {"numberofchildren"}, "numchildren": {"numberofchildren"},
	"income": {"annualincome"}, "yearlyincome": {"annualincome"},
	"noemail": {"donotemail"}, "emailoptout": {"donotemail"}, "nophone": {"donotphone"}, "donotcall": {"donotphone"}, "nomail": {"donotpostalmail"},
	"lastcampaign": {"lastusedincampaign"},

	"company": {"companyname"}, "companyname": {"companyname", "name"}, "accountname": {"name"}, "organisation": {"companyname"}, "organization": {"companyname"},
	"industry": {"industrycode"}, "employees": {"numberofemployees"}, "employeecount": {"numberofemployees"}, "headcount": {"numberofemployees"},
	"annualrevenue": {"revenue"}, "turnover": {"revenue"}, "ticker": {"tickersymbol"}, "stocksymbol": {"tickersymbol"},

	"topic": {"subject"}, "amount": {"estimatedvalue"}, "estimatedamount": {"estimatedvalue"}, "closedate": {"estimatedclosedate"}, "probability": {"closeprobability"},

	"note": {"description"}, "notes": {"description"}, "comment": {"description"}, "comments": {"description"}, "remarks": {"description"},
}

// abbreviations are words that are written in more than one way.
var abbreviations = map[string]string{ //nolint:gochecknoglobals // constant table
	"no": "number", "nr": "number", "num": "number", "tel": "telephone", "addr": "address", "dt": "date", "desc": "description", "qty": "quantity",
}

// callings are what people call a table beside its name.
var callings = map[string][]string{ //nolint:gochecknoglobals // constant table
	"account": {"company", "organisation", "organization", "firm"},
	"contact": {"customer", "person", "client"},
}

// fold leaves of a name what counts: letters and digits, in lower case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// split takes a name apart where its case changes or something else than a letter or digit stands, and writes
// abbreviations out: accountNo is account, number.
func split(name string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if w := strings.ToLower(word.String()); w != "" {
			if long, short := abbreviations[w]; short {
				w = long
			}
			words = append(words, w)
		}
		word.Reset()
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsUpper(r) && lower:
			end()
			word.WriteRune(r)
		default:
			word.WriteRune(r)
		}
		lower = unicode.IsLower(r)
	}
	end()
	return words
}

// bare drops a publisher's prefix: new_score is score. The numbered addresses are no publishers.
func bare(column string) string {
	prefix, rest, found := strings.Cut(column, "_")
	if !found || len(prefix) < 2 || len(prefix) > 8 || rest == "" || strings.HasPrefix(prefix, "address") {
		return column
	}
	return rest
}

// spellings are the forms in which a warehouse column may be meant, the surest first: as it is, without abbreviations, and without
// the name of the table that it is about.
func spellings(column string, table *dataverse.Table) []string {
	words := split(column)
	all := []string{fold(column), strings.Join(words, "")}
	about := append([]string{fold(bare(table.LogicalName))}, callings[table.LogicalName]...)
	if len(words) > 1 && slices.Contains(about, words[0]) {
		all = append(all, strings.Join(words[1:], ""))
	}
	return slices.Compact(all)
}

// How sure a match is; the least is the surest.
const (
	byName = iota
	byBareName
	byLabel
	bySynonym

	surely = iota // the number of these

	byLookup = 100 // lookups come after columns that take the value itself
)

// match says how well a warehouse column's name fits a column, and whether it does at all.
func match(source string, table *dataverse.Table, column *dataverse.Column) (rank int, fits bool) {
	for i, s := range spellings(source, table) {
		penalty := i * surely * 2
		switch {
		case s == "":
		case s == fold(column.Name):
			return penalty + byName, true
		case s == fold(bare(column.Name)):
			return penalty + byBareName, true
		case s == fold(column.Label):
			return penalty + byLabel, true
		}
		if at := slices.Index(synonyms[s], column.Name); at >= 0 {
			return penalty + bySynonym + at, true
		}
	}
	return 0, false
}

// identifies says whether a name is that of an identifier: customer_id, key, account_no.
func identifies(source string) bool {
	words := split(source)
	return len(words) > 0 && slices.Contains([]string{"id", "key", "number", "code", "uuid", "guid"}, words[len(words)-1])
}
