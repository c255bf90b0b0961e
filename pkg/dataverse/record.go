package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Record is what Dataverse has of one record, by column. A column that was not asked for is not there.
type Record map[string]Field

// A Field is the value of one column of a record.
type Field struct {
	Value any    // nil, string, bool, or json.Number; of a lookup, the GUID of the record that it names
	Label string // as people see it: the label of a choice, the name of a record; empty where it adds nothing
	Table string // of a lookup: the table of the record that it names
}

// Record reads columns of the record at an address, [penstock.Change.Address], and its primary key. found is false where
// there is none that the application user can see. It is one small request; where Dataverse asks to be left alone, the error is
// Throttled, and says for how long.
func (c *Client) Record(ctx context.Context, t *Table, address string, columns []string) (r Record, found bool, err error) {
	op := "dataverse: read a record of " + t.LogicalName
	wanted := map[string]string{t.PrimaryID: t.PrimaryID} // property -> column
	properties := []string{t.PrimaryID}
	for _, name := range columns {
		column, known := t.Column(name)
		if !known {
			return nil, false, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("table %s has no column %q", t.LogicalName, name)}
		}
		property := name
		if column.Type == Lookup {
			property = "_" + name + "_value"
		}
		if _, twice := wanted[property]; !twice {
			wanted[property] = name
			properties = append(properties, property)
		}
	}
	target := c.root.String() + string(appendAddress(nil, address)) + "?$select=" + url.QueryEscape(strings.Join(properties, ","))
	header := http.Header{
		"Accept": {"application/json"}, "If-None-Match": {"null"},
		"Prefer": {`odata.include-annotations="` + formatted + `,` + lookupTable + `"`},
	}
	fault := c.exchange(ctx, op, http.MethodGet, target, nil, header, func(resp *http.Response) *penstock.Error {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return unreachable(op, err, false)
		}
		if resp.StatusCode != http.StatusOK {
			fault := refusal(op, resp, body).fault
			if n, _ := parseCode(fault.Code); n == 0x80040217 || n == 0x80060891 {
				return nil
			}
			return fault
		}
		if r, err = readRecord(body, wanted); err != nil {
			return &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: err}
		}
		found = true
		return nil
	})
	return r, found, orNil(fault)
}

// Annotations of a property, behind an @.
const (
	formatted   = "OData.Community.Display.V1.FormattedValue"
	lookupTable = "Microsoft.Dynamics.CRM.lookuplogicalname"
)

func readRecord(body []byte, wanted map[string]string) (Record, error) {
	var answer map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a decimal of 38 digits is no float
	if err := d.Decode(&answer); err != nil {
		return nil, errors.New("the answer is no JSON object")
	}
	r := Record{}
	for property, column := range wanted {
		value, present := answer[property]
		if !present {
			continue // guarded by column security, perhaps
		}
		f := Field{Value: value}
		f.Label, _ = answer[property+"@"+formatted].(string)
		f.Table, _ = answer[property+"@"+lookupTable].(string)
		r[column] = f
	}
	return r, nil
}
