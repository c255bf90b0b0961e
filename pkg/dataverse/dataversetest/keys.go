package dataversetest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The keys of new_membership that cases need, beside new_code.
func compound() []need { return []need{key("new_membership", "new_program", "new_number")} }

func byContact() []need { return []need{key("new_membership", "new_contact", "new_tier")} }

// keyColumnCases are section 2.5: what becomes of key columns in URL and body of an upsert.
func keyColumnCases() []testCase {
	return []testCase{
		{"2.5", "a create takes the key's columns from the URL", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark}"))
		}},
		{"2.5", "a create takes all columns of a compound key from the URL", compound(), func(s *session) {
			s.patch("new_memberships(new_program='{mark}',new_number=7)", `{"new_name":"{mark}"}`).is(204)
			s.get("new_memberships(new_program='{mark}',new_number=7)?$select=new_program,new_number").is(200).
				holds("new_program", s.say("{mark}")).holds("new_number", 7)
		}},
		{"2.5", "a create binds the lookup in a key from the URL", byContact(), func(s *session) {
			s.contact()
			s.patch("new_memberships(_new_contact_value={id2},new_tier=100000001)", `{"new_name":"{mark}"}`).is(204)
			s.get("new_memberships(_new_contact_value={id2},new_tier=100000001)?$select=_new_contact_value,new_tier").is(200).
				holds("_new_contact_value", s.say("{id2}")).holds("new_tier", 100000001)
		}},
		{"2.5", "the same key in URL and body is one key", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}","accountnumber":"{mark}"}`).is(204)
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}","accountnumber":"{mark}"}`).is(204)
			if n := s.count("accounts", "accountnumber eq '{mark}'"); n != 1 {
				s.Errorf("%d rows", n)
			}
		}},
		{"2.5", "of two different keys the body's wins when the row is created", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}u')", `{"name":"{mark}","accountnumber":"{mark}b"}`).is(204)
			s.get("accounts(accountnumber='{mark}b')?$select=name").is(200).holds("name", s.say("{mark}"))
			s.absent("accounts(accountnumber='{mark}u')")
		}},
		{"2.5", "an update cannot change the key by which it finds the row", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"accountnumber":"{mark}b","fax":"1"}`).is(204)
			s.get("accounts({id})?$select=accountnumber,fax").is(200).holds("accountnumber", s.say("{mark}")).holds("fax", "1")
		}},
		{"2.5", "an update by GUID can change a key's column", byKey(), func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"accountnumber":"{mark}b"}`).is(204)
			s.get("accounts(accountnumber='{mark}b')?$select=name").is(200)
			s.absent("accounts(accountnumber='{mark}')")
		}},
	}
}

// keyCases are section 2.6: keys in URLs.
func keyCases() []testCase {
	account := byKey()
	cases := []testCase{
		{"2.6", "a GUID addresses a row", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "a GUID may have upper case letters", nil, func(s *session) {
			s.account()
			s.get("accounts("+strings.ToUpper(s.say("{id}"))+")?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "the primary key can be named", nil, func(s *session) {
			s.contact()
			s.get("contacts(contactid={id2})?$select=lastname").is(200)
			s.patch("contacts(contactid={id2})", `{"jobtitle":"x"}`, "If-Match: *").is(204)
		}},
		{"2.6", "the primary key of users cannot be named", nil, func(s *session) {
			me := s.get("WhoAmI").is(200).text("UserId")
			s.get("systemusers(" + me + ")?$select=systemuserid").is(200)
			s.get("systemusers(systemuserid=" + me + ")").is(400).coded("0x80060888")
		}},
		{"2.6", "an apostrophe in a key is doubled", account, func(s *session) {
			s.must(s.post("accounts", `{"accountid":"{id}","name":"{mark}","accountnumber":"{mark}'s"}`))
			s.get("accounts(accountnumber='{mark}''s')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "a doubled apostrophe may be encoded", account, func(s *session) {
			s.must(s.post("accounts", `{"accountid":"{id}","name":"{mark}","accountnumber":"{mark}'s"}`))
			s.get("accounts(accountnumber='{mark}%27%27s')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "a row with an apostrophe in its key is created by it", account, func(s *session) {
			s.patch("accounts(accountnumber='{mark}''s')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}''s')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark}'s"))
		}},
		{"2.6", "a blank in a key is encoded", account, func(s *session) {
			s.patch("accounts(accountnumber='{mark}%20a')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}%20a')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark} a"))
		}},
		{"2.6", "a number sign in a key is encoded", account, func(s *session) {
			s.patch("accounts(accountnumber='{mark}%23a')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}%23a')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark}#a"))
		}},
		{"2.6", "letters beyond ASCII in a key are encoded", account, func(s *session) {
			s.patch("accounts(accountnumber='{mark}"+url.PathEscape("é漢")+"')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}"+url.PathEscape("é漢")+"')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark}é漢"))
		}},
		{"2.6", "a key of text and whole number addresses a row", compound(), func(s *session) {
			s.membership(`"new_program":"{mark}","new_number":7`)
			s.get("new_memberships(new_program='{mark}',new_number=7)?$select=new_name").is(200).holds("new_membershipid", s.say("{id3}"))
		}},
		{"2.6", "each column of a compound key counts", compound(), func(s *session) {
			s.patch("new_memberships(new_program='{mark}',new_number=7)", `{"new_name":"{mark}"}`).is(204)
			s.patch("new_memberships(new_program='{mark}',new_number=8)", `{"new_name":"{mark}"}`).is(204)
			if n := s.count("new_memberships", "new_program eq '{mark}'"); n != 2 {
				s.Errorf("%d rows", n)
			}
		}},
		{"2.6", "the order in a compound key does not matter", append(compound(), guesses), func(s *session) {
			s.membership(`"new_program":"{mark}","new_number":7`)
			s.get("new_memberships(new_number=7,new_program='{mark}')?$select=new_name").is(200).holds("new_membershipid", s.say("{id3}"))
		}},
		{"2.6", "a key of lookup and choice addresses a row", byContact(), func(s *session) {
			s.contact()
			s.membership(`"new_Contact@odata.bind":"/contacts({id2})","new_tier":100000002`)
			s.get("new_memberships(_new_contact_value={id2},new_tier=100000002)?$select=new_name").is(200).holds("new_membershipid", s.say("{id3}"))
			s.patch("new_memberships(_new_contact_value={id2},new_tier=100000002)", `{"new_notes":"x"}`, "If-Match: *").is(204)
			s.remove("new_memberships(_new_contact_value={id2},new_tier=100000002)").is(204)
		}},
		{"2.6", "the echo of a key with a lookup is its URL", byContact(), func(s *session) {
			s.contact()
			s.patch("new_memberships(_new_contact_value={id2},new_tier=100000002)", `{"new_name":"{mark}"}`).is(204).
				headed("OData-EntityId", s.say("{root}new_memberships(_new_contact_value={id2},new_tier=100000002)"))
		}},
		{"2.6", "a lookup in a key is not named by its logical name", byContact(), func(s *session) {
			s.get("new_memberships(new_contact={id2},new_tier=100000002)").is(400).coded("0x80060888")
		}},
		{"2.6", "a lookup in a key is not named by its navigation property", byContact(), func(s *session) {
			s.get("new_memberships(new_Contact={id2},new_tier=100000002)").is(400).coded("0x80060888")
		}},
		{"2.6", "a null in a key cannot be addressed", account, func(s *session) {
			s.get("accounts(accountnumber=null)").is(400)
			s.patch("accounts(accountnumber=null)", `{"name":"{mark}"}`).is(400)
		}},
		{"2.6", "rows whose key is null are not unique", account, func(s *session) {
			s.post("accounts", `{"name":"{mark}","accountnumber":null}`).is(204)
			s.post("accounts", `{"name":"{mark}","accountnumber":null}`).is(204)
		}},
		{"2.6", "rows of which one column of a compound key is null are not unique", compound(), func(s *session) {
			s.post("new_memberships", `{"new_name":"{mark}","new_program":"{mark}"}`).is(204)
			s.post("new_memberships", `{"new_name":"{mark}","new_program":"{mark}"}`).is(204)
		}},
		{"2.6", "text keys are compared without regard to case", append(account, guesses), func(s *session) {
			s.account()
			s.get("accounts(accountnumber='"+strings.ToUpper(s.say("{mark}"))+"')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "text keys are compared without blanks at the end", append(account, guesses), func(s *session) {
			s.account()
			s.get("accounts(accountnumber='{mark}%20')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"2.6", "text keys that differ in case are one key", append(account, guesses), func(s *session) {
			s.account()
			s.post("accounts", `{"name":"{mark}","accountnumber":"`+strings.ToUpper(s.say("{mark}"))+`"}`).is(412).coded("0x80060892")
		}},
		{"2.6", "text keys that differ in an accent are two keys", append(account, guesses), func(s *session) {
			s.must(s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}e"}`))
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}é"}`).is(204)
		}},
	}

	for _, c := range []struct {
		fact  string
		key   string
		needs []need
	}{
		{"a column that is in no key", "accounts(fax='1')", nil},
		{"a column that does not exist", "accounts(nosuchcolumn='1')", nil},
		{"a part of a compound key", "new_memberships(new_program='1')", compound()},
		{"a key and a column too many", "new_memberships(new_program='1',new_number=1,new_code='1')", compound()},
		{"columns of two keys", "new_memberships(new_program='1',new_code='1')", compound()},
		{"a key's columns in other case", "accounts(AccountNumber='1')", account},
		{"a key whose index failed", "new_memberships(new_name='1')", []need{table("new_membership"), guesses}},
	} {
		cases = append(cases, testCase{"2.6", c.fact + " is no key", c.needs, func(s *session) {
			name := strings.TrimSuffix(strings.Split(c.key, "(")[0], "s")
			text := "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM." + name +
				"'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM." + name + "'."
			s.get(c.key).refused(400, "0x80060888", text)
			s.patch(c.key, `{}`).refused(400, "0x80060888", text)
			s.remove(c.key).refused(400, "0x80060888", text)
		}})
	}

	// PD:define-alternate-keys-entity.md: these break requests, encoded or not.
	for _, special := range `/<>*%&:\?+` {
		cases = append(cases, testCase{"2.6", "a key with " + name(special) + " cannot be addressed", account, func(s *session) {
			value, _ := strings.CutPrefix(strconv.Quote(string(special)), `"`)
			s.must(s.post("accounts", `{"accountid":"{id}","name":"{mark}","accountnumber":"{mark}`+value[:len(value)-1]+`"}`))
			s.get("accounts(accountnumber='{mark}" + url.QueryEscape(string(special)) + "')?$select=name").fails()
		}})
	}

	for _, c := range []struct {
		fact, column string
		value        func(n int) string
		stored       func(n int) any
	}{
		{"decimal", "new_score", func(n int) string { return fmt.Sprintf("%d.25", n) }, func(n int) any { return float64(n) + 0.25 }},
		{
			"date", "new_joinedon",
			func(n int) string { return day(n).Format(time.DateOnly) },
			func(n int) any { return day(n).Format(time.DateOnly) },
		},
		{
			"date-time", "new_lastvisit",
			func(n int) string { return day(n).Format(time.RFC3339) },
			func(n int) any { return day(n).Format(time.RFC3339) },
		},
	} {
		needs := []need{key("new_membership", c.column)}
		cases = append(cases,
			testCase{"2.6", "a key of type " + c.fact + " creates and finds a row", needs, func(s *session) {
				n, _ := strconv.Atoi(s.say("{n}"))
				at := "new_memberships(" + c.column + "=" + c.value(n) + ")"
				s.patch(at, `{"new_name":"{mark}"}`).is(204).headed("OData-EntityId", s.say("{root}"+at))
				s.get(at+"?$select=new_name,"+c.column).is(200).holds("new_name", s.say("{mark}")).holds(c.column, c.stored(n))
				s.patch(at, `{"new_notes":"x"}`, "If-Match: *").is(204)
				s.remove(at).is(204)
			}},
			testCase{"2.6", "a key of type " + c.fact + " is not quoted", needs, func(s *session) {
				n, _ := strconv.Atoi(s.say("{n}"))
				s.get("new_memberships(" + c.column + "='" + c.value(n) + "')").is(400)
			}})
	}
	return cases
}

// day spreads numbers over the dates since 1900.
func day(n int) time.Time { return time.Date(1900, 1, 1+n%60000, 12, 0, n/60000, 0, time.UTC) }

func name(special rune) string {
	switch special {
	case '/':
		return "a slash" // would be read as a sub-test
	case '\\':
		return "a backslash"
	default:
		return string(special)
	}
}
