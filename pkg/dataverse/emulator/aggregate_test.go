package emulator_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestAggregates(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	for apply, want := range map[string]string{
		"aggregate($count as n,new_score with sum as s,new_score with average as a,new_score with min as lo,new_score with max as hi,new_score with countdistinct as d)": `[{"n":3,"s":4.0000,"a":1.3333333333,"lo":-1,"hi":2.5,"d":2}]`,
		"groupby((new_tier))": `[{"new_tier":100000001},{"new_tier":100000002},{"new_tier":null}]`,
		"groupby((new_score),aggregate(new_fee with sum as total))":                                          `[{"new_score":2.5,"total":-1479.75},{"new_score":-1,"total":null}]`,
		"filter(new_score gt 0)/groupby((new_Contact/parentcustomerid_account/name),aggregate($count as n))": `[{"new_Contact":{"parentcustomerid_account":{"name":"Alpha"}},"n":2}]`,
		"filter(new_name eq 'nobody')/aggregate($count as n)":                                                `[{"n":0}]`,
	} {
		a := e.do("GET", "new_memberships?"+escaped("$apply="+apply), "")
		if _, list, _ := strings.Cut(a.body, `"value":`); strings.TrimSuffix(list, "}") != want {
			t.Errorf("%s: %d %s", apply, a.status, a.body)
		}
	}
	a := e.do("GET", "contacts?"+escaped("$apply=groupby((_parentcustomerid_value),aggregate($count as n))&$orderby=n desc&$top=1"), "")
	if dig(a.object(t), "value", 0, "_parentcustomerid_value") != at(1) || len(a.object(t)["value"].([]any)) != 1 {
		t.Errorf("ordered: %s", a.body)
	}
	for apply, status := range map[string]int{
		"groupby((nothing))": 400, "aggregate(new_name with sum as s)": 400, "aggregate(new_score with product as s)": 400, "compute(a)": 501, "filter(new_score gt 1)": 501,
		"groupby((new_tier))/aggregate($count as n)": 501, "aggregate(new_score": 400,
	} {
		if a := e.do("GET", "new_memberships?"+escaped("$apply="+apply), ""); a.status != status {
			t.Errorf("%s: %d %s", apply, a.status, a.body)
		}
	}
}

func TestFetchXML(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	fetch := func(head, inner string, headers ...string) answer {
		return e.do("GET", "contacts?fetchXml="+url.QueryEscape(`<fetch `+head+`><entity name="contact"><attribute name="firstname"/>`+inner+`</entity></fetch>`), "", headers...)
	}
	where := func(conditions string) string { return "<filter>" + conditions + "</filter>" }
	for inner, want := range map[string]string{
		`<order attribute="firstname" descending="true"/>`:                                                                                "Dan Cyd Bob Ada",
		where(`<condition attribute="firstname" operator="eq" value="ada"/>`):                                                             "Ada",
		where(`<condition attribute="lastname" operator="like" value="%o%"/>`):                                                            "Ada Bob Dan",
		where(`<condition attribute="lastname" operator="not-like" value="bo%"/>`):                                                        "Ada Cyd",
		where(`<condition attribute="parentcustomerid" operator="eq" value="{` + at(1) + `}"/>`):                                          "Ada Bob",
		where(`<condition attribute="birthdate" operator="not-null"/>`):                                                                   "Ada Bob",
		where(`<condition attribute="birthdate" operator="on-or-before" value="1900-01-01"/>`):                                            "Ada",
		where(`<condition attribute="firstname" operator="in"><value>Ada</value><value>Dan</value></condition>`):                          "Ada Dan",
		where(`<condition attribute="firstname" operator="eq" valueof="lastname"/>`):                                                      "Bob",
		where(`<condition attribute="ownerid" operator="eq-userid"/><condition attribute="createdon" operator="last-x-days" value="2"/>`): "Ada Bob Cyd Dan",
		`<filter type="or"><condition attribute="firstname" operator="eq" value="Cyd"/><filter><condition attribute="statecode" operator="eq" value="0"/><condition attribute="donotemail" operator="eq" value="1"/></filter></filter>`: "Cyd",
	} {
		if got := names(t, fetch("", inner), "firstname"); got != want {
			t.Errorf("%s: %q, want %q", inner, got, want)
		}
	}
	if got := names(t, fetch(`top="2"`, ""), "firstname"); got != "Ada Bob" {
		t.Errorf("top: %s", got)
	}
	first := fetch(`count="3"`, `<order attribute="lastname"/>`, `Prefer: odata.include-annotations="*"`).object(t)
	outer, _ := first["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].(string)
	if first["@Microsoft.Dynamics.CRM.morerecords"] != true || !strings.HasPrefix(outer, `<cookie pagenumber="2" pagingcookie="`) {
		t.Fatalf("got %v", first)
	}
	inner := strings.Split(outer, `"`)[3]
	for range 2 {
		inner, _ = url.QueryUnescape(inner)
	}
	inner = strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(inner)
	if got := names(t, fetch(`count="3" page="2" paging-cookie="`+inner+`"`, `<order attribute="lastname"/>`), "firstname"); got != "Ada" {
		t.Errorf("the second page: %s", got)
	}
	if got := names(t, fetch(`count="3" page="2"`, `<order attribute="lastname"/>`), "firstname"); got != "Ada" {
		t.Errorf("the second page without its cookie: %s", got)
	}
	for text, status := range map[string]int{
		`<fetch>`: 400, `<fetch><entity name="account"/></fetch>`: 400, `<fetch><entity name="contact"><attribute name="nothing"/></entity></fetch>`: 400,
		`<fetch aggregate="true"><entity name="contact"/></fetch>`: 501, `<fetch><entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid"/></entity></fetch>`: 501,
		`<fetch><entity name="contact"><filter><condition attribute="firstname" operator="eq-or-under" value="x"/></filter></entity></fetch>`: 501,
		`<fetch top="1" page="2"><entity name="contact"/></fetch>`:                                                                            400, `<fetch><entity name="contact"><filter><condition attribute="birthdate" operator="eq" value="x"/></filter></entity></fetch>`: 400,
	} {
		if a := e.do("GET", "contacts?fetchXml="+url.QueryEscape(text), ""); a.status != status {
			t.Errorf("%s: %d %s", text, a.status, a.body)
		}
	}
}
