package dataversetest

import (
	"fmt"
	"net/url"
	"strings"
)

// three makes three accounts, named and numbered so that cases can tell them apart: {mark}-a 10, {mark}-b 20, {mark}-c without a number.
func three(s *session) {
	s.Helper()
	s.must(s.post("accounts", `{"accountid":"{id}","name":"{mark}-a","numberofemployees":10,"fax":"1","lastusedincampaign":"2026-01-01T00:00:00Z","donotphone":true}`))
	s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}-b","numberofemployees":20,"fax":"2","lastusedincampaign":"2026-02-01T00:00:00Z","donotphone":false}`))
	s.must(s.post("accounts", `{"accountid":"{id3}","name":"{mark}-c","fax":"3"}`))
}

// ours limits a query to the case's accounts.
const ours = "startswith(name,'{mark}')"

// names returns the ends of the names of the accounts that a query finds: "a b".
func names(a *answer) string {
	a.t.Helper()
	var ends []string
	for _, row := range a.is(200).list("value") {
		row, _ := row.(map[string]any)
		name, _ := row["name"].(string)
		_, end, _ := strings.Cut(name, "-")
		ends = append(ends, end)
	}
	return strings.Join(ends, " ")
}

// queryCases are section 7: the options of a query one by one.
func queryCases() []testCase {
	query := func(s *session, options string) *answer {
		s.Helper()
		return s.get("accounts?" + strings.ReplaceAll(options, " ", "%20"))
	}
	finds := func(fact, options, want string) testCase {
		return testCase{"7", fact, nil, func(s *session) {
			three(s)
			if a := query(s, options); names(a) != want {
				a.errorf("it should find %q", want)
			}
		}}
	}
	return []testCase{
		{"7", "a row has all its columns unless some are selected", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.get("accounts({id})").is(200).holds("fax", "1").has("accountid", "name", "createdon", "statecode", "telephone1", "_ownerid_value", "versionnumber")
		}},
		{"7", "$select leaves the primary key, and nothing else that was not asked for", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name").is(200).has("accountid", "name").hasNot("fax", "statecode", "createdon")
			query(s, "$select=name&$filter="+ours).rows(1).has("value/0/accountid", "value/0/name").hasNot("value/0/fax")
		}},
		{"7", "the context of a row says what was selected", nil, func(s *session) {
			s.account()
			if a := s.get("accounts({id})?$select=name").is(200); !strings.HasSuffix(a.text("@odata.context"), "/$metadata#accounts(name)/$entity") {
				a.errorf("the context is %q", a.text("@odata.context"))
			}
		}},
		{"7", "the context of a set says what was selected", nil, func(s *session) {
			if a := query(s, "$select=name,fax&$top=1").is(200); !strings.HasSuffix(a.text("@odata.context"), "/$metadata#accounts(name,fax)") {
				a.errorf("the context is %q", a.text("@odata.context"))
			}
		}},
		{"7", "a set that is empty is an empty list", nil, func(s *session) {
			query(s, "$select=name&$filter="+ours).rows(0).has("value")
		}},
		finds("$orderby sorts", "$select=name&$orderby=name&$filter="+ours, "a b c"),
		finds("$orderby sorts the other way", "$select=name&$orderby=name desc&$filter="+ours, "c b a"),
		finds("$orderby sorts numbers, with null first", "$select=name&$orderby=numberofemployees&$filter="+ours, "c a b"),
		finds("$orderby sorts by several columns", "$select=name&$orderby=statecode,fax desc&$filter="+ours, "c b a"),
		finds("$orderby sorts by columns that are not selected", "$select=name&$orderby=fax desc&$filter="+ours, "c b a"),
		finds("$top takes the first", "$select=name&$orderby=name&$top=2&$filter="+ours, "a b"),
		{"7", "$skip is not supported", nil, func(s *session) {
			query(s, "$select=name&$skip=1").fails()
		}},
		{"7", "$count counts all, however many are asked for", nil, func(s *session) {
			three(s)
			query(s, "$select=name&$count=true&$top=1&$filter="+ours).rows(1).holds("@odata.count", 3)
		}},
		{"7", "without $count there is none", nil, func(s *session) {
			query(s, "$select=name&$filter="+ours).rows(0).hasNot("@odata.count")
		}},
		{"7", "/$count is a number in plain text", nil, func(s *session) {
			three(s)
			a := s.get("accounts/$count?$filter="+ours).is(200).headerMatches("Content-Type", "^text/plain")
			if strings.TrimLeft(a.body, "\ufeff") != "3" {
				a.errorf("it should be 3")
			}
		}},
		{"7", "the exact number of rows can be asked for", nil, func(s *session) {
			s.get("RetrieveTotalRecordCount(EntityNames=['account'])").is(200).holds("EntityRecordCountCollection/Keys/0", "account").has("EntityRecordCountCollection/Values/0")
		}},
		{"7", "a row can be read by its key", byKey(), func(s *session) {
			s.account()
			s.get("accounts(accountnumber='{mark}')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"7", "a column can be read by itself", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.get("accounts({id})/fax").is(200).holds("value", "1")
		}},
		{"7", "a column's value can be read as text", nil, func(s *session) {
			s.account(`"fax":"1"`)
			if a := s.get("accounts({id})/fax/$value").is(200); a.body != "1" {
				a.errorf("it should be 1")
			}
		}},
		{"7", "changes are tracked from a delta link on", nil, func(s *session) {
			s.account()
			first := s.get("accounts?$select=name", "Prefer: odata.track-changes").is(200)
			for next := first.text("@odata.nextLink"); next != ""; next = first.text("@odata.nextLink") {
				first = s.get(next, "Prefer: odata.track-changes").is(200)
			}
			link := first.text("@odata.deltaLink")
			if link == "" {
				first.fatalf("there is no delta link")
			}
			s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}"}`))
			s.must(s.remove("accounts({id})"))
			a := s.get(link)
			a.entry("value", "accountid", s.say("{id2}"))
			for _, row := range a.list("value") {
				row, _ := row.(map[string]any)
				context, _ := row["@odata.context"].(string)
				if id, _ := row["id"].(string); strings.HasSuffix(context, "/$deletedEntity") && strings.Contains(id, s.say("{id}")) && row["reason"] == "deleted" {
					return
				}
			}
			a.errorf("the deleted row is missing")
		}},
	}
}

// filterCases are section 7: what $filter understands.
func filterCases() []testCase {
	var cases []testCase
	for _, c := range []struct{ fact, filter, finds string }{
		{"eq", "name eq '{mark}-b'", "b"},
		{"eq without regard to case", "name eq '{MARK}-B'", "b"},
		{"ne", "name ne '{mark}-b'", "a c"},
		{"gt", "numberofemployees gt 10", "b"},
		{"ge", "numberofemployees ge 10", "a b"},
		{"lt", "numberofemployees lt 20", "a"},
		{"le", "numberofemployees le 20", "a b"},
		{"eq null", "numberofemployees eq null", "c"},
		{"ne null", "numberofemployees ne null", "a b"},
		{"and", "numberofemployees gt 5 and fax eq '2'", "b"},
		{"or", "fax eq '1' or fax eq '3'", "a c"},
		{"and before or", "fax eq '1' or fax eq '2' and numberofemployees eq 20", "a b"},
		{"parentheses", "(fax eq '1' or fax eq '2') and numberofemployees eq 20", "b"},
		{"not", "not contains(name,'-b')", "a c"},
		{"contains", "contains(name,'-a')", "a"},
		{"startswith", "startswith(fax,'3')", "c"},
		{"endswith", "endswith(name,'-c')", "c"},
		{"a GUID without quotes", "accountid eq {id2}", "b"},
		{"a moment", "lastusedincampaign ge 2026-01-15T00:00:00Z", "b"},
		{"a boolean", "donotphone eq true", "a"},
		{"a doubled apostrophe", "name ne 'O''Brien'", "a b c"},
		{"a lookup by its value", "_ownerid_value eq {me}", "a b c"},
		{"a lookup that is null", "_primarycontactid_value eq null", "a b c"},
		{"a choice", "statecode eq 0", "a b c"},
		{"In", "Microsoft.Dynamics.CRM.In(PropertyName='fax',PropertyValues=['1','3'])", "a c"},
		{"NotIn", "Microsoft.Dynamics.CRM.NotIn(PropertyName='fax',PropertyValues=['1','3'])", "b"},
		{"Between", "Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=['5','15'])", "a"},
		{"a column of a lookup's row", "primarycontactid/lastname eq null", "a b c"},
		{"EqualUserId", "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')", "a b c"},
		{"LastXDays", "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=2)", "a b c"},
		{"OlderThanXDays", "Microsoft.Dynamics.CRM.OlderThanXDays(PropertyName='createdon',PropertyValue=2)", ""},
	} {
		cases = append(cases, testCase{"7", "$filter understands " + c.fact, nil, func(s *session) {
			three(s)
			s.let("MARK", strings.ToUpper(s.say("{mark}")))
			s.let("me", s.get("WhoAmI").text("UserId"))
			a := s.get("accounts?$select=name&$orderby=name&$filter=" + url.PathEscape(s.say("("+c.filter+") and "+ours)))
			if got := names(a); got != c.finds {
				a.errorf("it should find %q, and finds %q", c.finds, got)
			}
		}})
	}
	return append(cases,
		testCase{"7", "parameters can stand for values", nil, func(s *session) {
			three(s)
			a := s.get("accounts?$select=name&$filter=fax%20eq%20@f%20and%20" + ours + "&@f='2'")
			if names(a) != "b" {
				a.errorf("it should find b")
			}
		}},
		testCase{"7", "$filter finds by the value of a lookup", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts?$select=lastname&$filter=_parentcustomerid_value%20eq%20{id}").rows(1).holds("value/0/contactid", s.say("{id2}"))
		}},
		testCase{"7", "$filter finds by a column of a lookup's row", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts?$select=lastname&$filter=parentcustomerid_account/name%20eq%20'{mark}'").rows(1).holds("value/0/contactid", s.say("{id2}"))
		}},
		testCase{"7", "the operator in is not understood", []need{guesses}, func(s *session) {
			s.get("accounts?$select=name&$filter=fax%20in%20('1','3')").fails()
		}},
		testCase{"7", "FetchXML is understood", nil, func(s *session) {
			three(s)
			a := s.get("accounts?fetchXml=" + url.QueryEscape(s.say(`<fetch><entity name="account"><attribute name="name"/><order attribute="name" descending="true"/>`+
				`<filter><condition attribute="name" operator="like" value="{mark}%"/><condition attribute="fax" operator="ne" value="2"/></filter></entity></fetch>`)))
			if names(a) != "c a" {
				a.errorf("it should find c a")
			}
		}},
		testCase{"7", "a query that is too long for a URL can be sent in a batch", nil, func(s *session) {
			three(s)
			_, parts := s.batch(frame(op("GET", "accounts?$select=name&$filter="+url.PathEscape(s.say(ours)), "")))
			s.expect(parts, 200)
			parts[0].rows(3)
		}},
		testCase{"7", "a date is compared as one", nil, func(s *session) {
			s.contact(`"birthdate":"1984-02-29"`)
			s.get("contacts?$select=lastname&$filter=birthdate%20eq%201984-02-29%20and%20lastname%20eq%20'{mark}'").rows(1)
			s.get("contacts?$select=lastname&$filter=birthdate%20lt%201984-02-29%20and%20lastname%20eq%20'{mark}'").rows(0)
		}})
}

// pageCases are section 7: sets in pages.
func pageCases() []testCase {
	const two = "Prefer: odata.maxpagesize=2"
	path := "accounts?$select=name&$orderby=name&$filter=" + ours
	return []testCase{
		{"7", "a page has as many rows as were preferred, and a link to the next", nil, func(s *session) {
			three(s)
			s.get(path, two).rows(2).hasText("@odata.nextLink")
		}},
		{"7", "the preferred size is echoed", nil, func(s *session) {
			s.get(path, two).is(200).headerMatches("Preference-Applied", `odata\.maxpagesize=2`)
		}},
		{"7", "the link leads to the rest, and there is none on the last page", nil, func(s *session) {
			three(s)
			first := s.get(path, two).rows(2)
			if a := s.get(first.text("@odata.nextLink"), two).rows(1).hasNot("@odata.nextLink"); names(first)+" "+names(a) != "a b c" {
				a.errorf("the pages are %q and %q", names(first), names(a))
			}
		}},
		{"7", "the link carries the query and an opaque $skiptoken", nil, func(s *session) {
			three(s)
			a := s.get(path, two).rows(2)
			link, err := url.Parse(a.text("@odata.nextLink"))
			if err != nil || link.Query().Get("$skiptoken") == "" || link.Query().Get("$select") != "name" {
				a.errorf("the link should have $skiptoken and the query's options")
			}
		}},
		{"7", "the link is absolute", nil, func(s *session) {
			three(s)
			if a := s.get(path, two).rows(2); !strings.HasPrefix(a.text("@odata.nextLink"), s.say("{root}accounts?")) {
				a.errorf("the link should begin with the root")
			}
		}},
		{"7", "the token says the number of the page", nil, func(s *session) {
			three(s)
			a := s.get(path, two).rows(2)
			link, _ := url.Parse(a.text("@odata.nextLink"))
			token, err := url.QueryUnescape(link.Query().Get("$skiptoken"))
			if err != nil || !strings.Contains(token, "<cookie ") || !strings.Contains(token, `pagenumber="2"`) {
				a.errorf("the token should be a cookie of page 2, and is %q", token)
			}
		}},
		{"7", "pages are of the rows that there were: one that is added does not shift them", []need{guesses}, func(s *session) {
			three(s)
			first := s.get(path, two).rows(2)
			s.must(s.post("accounts", `{"name":"{mark}-0"}`))
			if a := s.get(first.text("@odata.nextLink"), two).is(200); names(a) != "c" {
				a.errorf("the second page should be c")
			}
		}},
		{"7", "$top beats the preferred size", nil, func(s *session) {
			three(s)
			s.get(path+"&$top=3", two).rows(3).hasNot("@odata.nextLink")
		}},
		{"7", "a set without a preference is one page when it is small", nil, func(s *session) {
			three(s)
			s.get(path).rows(3).hasNot("@odata.nextLink")
		}},
		{"7", "a page has at most 5,000 rows", []need{variants}, func(s *session) {
			s = s.variant(Variant{})
			for i := range 6 {
				var operations []string
				for j := range 850 {
					operations = append(operations, op("POST", "accounts", fmt.Sprintf(`{"name":"{mark}-%d"}`, i*1000+j)))
				}
				outer, _ := s.batch(frame(operations...))
				outer.is(200)
			}
			a := s.get("accounts?$select=name&$filter=" + ours).rows(5000).hasText("@odata.nextLink")
			s.get(a.text("@odata.nextLink")).rows(100).hasNot("@odata.nextLink")
			s.get("accounts?$select=name&$count=true&$top=1&$filter="+ours).is(200).holds("@odata.count", 5000)
			s.get("accounts?$select=name&$filter="+ours, "Prefer: odata.maxpagesize=6000").rows(5000)
		}},
		{"6.1", "metadata has no pages", nil, func(s *session) {
			s.get(ofAccount+"/Attributes?$select=LogicalName", two).is(200).hasNot("@odata.nextLink")
		}},
	}
}

// expandCases are section 7: related rows that are read along.
func expandCases() []testCase {
	related := func(s *session) {
		s.Helper()
		s.account()
		s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
		s.must(s.patch("accounts({id})", `{"primarycontactid@odata.bind":"/contacts({id2})"}`))
	}
	return []testCase{
		{"7", "a lookup's row can be expanded", nil, func(s *session) {
			related(s)
			s.get("accounts({id})?$select=name&$expand=primarycontactid($select=lastname)").is(200).
				holds("primarycontactid/lastname", s.say("{mark}")).holds("primarycontactid/contactid", s.say("{id2}")).hasNot("primarycontactid/firstname")
		}},
		{"7", "a lookup's row can be expanded in a set", nil, func(s *session) {
			related(s)
			s.get("contacts?$select=lastname&$filter=lastname%20eq%20'{mark}'&$expand=parentcustomerid_account($select=name)").rows(1).
				holds("value/0/parentcustomerid_account/name", s.say("{mark}"))
		}},
		{"7", "a lookup that is null is expanded to null", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name&$expand=primarycontactid($select=lastname)").is(200).holds("primarycontactid", nil)
		}},
		{"7", "the rows that refer to a row can be expanded", nil, func(s *session) {
			related(s)
			s.get("accounts({id})?$select=name&$expand=contact_customer_accounts($select=lastname)").is(200).
				holds("contact_customer_accounts/0/lastname", s.say("{mark}")).hasNot("contact_customer_accounts/1")
		}},
		{"7", "expanded rows can be filtered and sorted", nil, func(s *session) {
			related(s)
			s.must(s.post("contacts", `{"lastname":"{mark}","firstname":"z","parentcustomerid_account@odata.bind":"/accounts({id})"}`))
			s.must(s.post("contacts", `{"lastname":"{mark}","firstname":"y","parentcustomerid_account@odata.bind":"/accounts({id})"}`))
			s.get("accounts({id})?$select=name&$expand=contact_customer_accounts($select=firstname;$filter=firstname%20ne%20null;$orderby=firstname)").is(200).
				holds("contact_customer_accounts/0/firstname", "y").holds("contact_customer_accounts/1/firstname", "z").hasNot("contact_customer_accounts/2")
		}},
		{"7", "several navigation properties can be expanded", nil, func(s *session) {
			related(s)
			s.get("accounts({id})?$select=name&$expand=primarycontactid($select=lastname),contact_customer_accounts($select=lastname)").is(200).
				hasText("primarycontactid/lastname", "contact_customer_accounts/0/lastname")
		}},
		{"7", "what is no navigation property cannot be expanded", nil, func(s *session) {
			s.get("accounts?$top=1&$expand=nosuchnavigation").is(400).coded("0x80060888|0x0").says("nosuchnavigation")
		}},
		{"7", "a lookup's row has a URL of its own", nil, func(s *session) {
			related(s)
			s.get("accounts({id})/primarycontactid?$select=lastname").is(200).holds("contactid", s.say("{id2}"))
		}},
		{"7", "the rows that refer to a row have a URL of their own", nil, func(s *session) {
			related(s)
			s.get("accounts({id})/contact_customer_accounts?$select=lastname").rows(1).holds("value/0/contactid", s.say("{id2}"))
		}},
		{"7", "a reference can be read", nil, func(s *session) {
			related(s)
			s.get("accounts({id})/primarycontactid/$ref").is(200).holds("@odata.id", s.say("{root}contacts({id2})"))
		}},
		{"2.4", "a representation can be expanded", nil, func(s *session) {
			s.contact()
			s.post("accounts?$select=name&$expand=primarycontactid($select=lastname)", `{"name":"{mark}","primarycontactid@odata.bind":"/contacts({id2})"}`, representation).
				is(201).holds("primarycontactid/lastname", s.say("{mark}"))
		}},
	}
}
