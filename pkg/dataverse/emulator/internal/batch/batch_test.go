package batch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
)

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

const twoOperations = `--batch_1
Content-Type: application/http
Content-Transfer-Encoding: binary

PATCH /api/data/v9.2/accounts(accountnumber='A-1') HTTP/1.1
Content-Type: application/json; type=entry
If-Match: *

{"name":"Alpha"}
--batch_1
Content-Type: application/http
Content-Transfer-Encoding: binary

DELETE /api/data/v9.2/accounts(11111111-1111-1111-1111-111111111111) HTTP/1.1


--batch_1--
`

const changeSet = `--batch_1
Content-Type: multipart/mixed; boundary="changeset_1"

--changeset_1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST /api/data/v9.2/accounts HTTP/1.1
Content-Type: application/json; type=entry

{"name":"Parent"}
--changeset_1--

--batch_1--
`

func TestStandAloneOperationsAreReadInOrder(t *testing.T) { // 3.1
	ops, err := batch.Read([]byte(crlf(twoOperations)), "batch_1", nil)
	if err != nil || len(ops) != 2 {
		t.Fatalf("got %d operations, %v", len(ops), err)
	}
	if got := fmt.Sprintf("%s %s %s %s", ops[0].Method, ops[0].URL, ops[0].IfMatch, ops[0].Body); got != `PATCH /api/data/v9.2/accounts(accountnumber='A-1') * {"name":"Alpha"}` {
		t.Errorf("first: %s", got)
	}
	if string(ops[1].Method) != "DELETE" || len(strings.TrimSpace(string(ops[1].Body))) != 0 || ops[1].Set != 0 {
		t.Errorf("second: %+v", ops[1])
	}
}

func TestRareHeadersAreFoundWithoutCase(t *testing.T) { // 2.1
	body := crlf(strings.Replace(twoOperations, "If-Match: *\n", "If-Match: *\nmscrmcallerid: 4711\nMSCRM.BypassCustomPluginExecution: true\nOData-Version: 4.0\n", 1))
	ops, err := batch.Read([]byte(body), "batch_1", nil)
	if err != nil || len(ops) != 2 {
		t.Fatalf("got %d operations, %v", len(ops), err)
	}
	for name, want := range map[string]string{"MSCRMCallerID": "4711", "MSCRM.BypassCustomPluginExecution": "true", "CallerObjectId": ""} {
		if got := string(ops[0].Header(name)); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if !ops[0].Rare() || ops[1].Rare() || ops[1].Header("MSCRMCallerID") != nil || string(ops[0].IfMatch) != "*" || string(ops[0].Body) != `{"name":"Alpha"}` {
		t.Errorf("rare %v and %v, body %q", ops[0].Rare(), ops[1].Rare(), ops[0].Body)
	}
}

func TestAChangeSetNumbersItsOperations(t *testing.T) { // 3.1
	ops, err := batch.Read([]byte(crlf(changeSet)), "batch_1", nil)
	if err != nil || len(ops) != 1 {
		t.Fatalf("got %d operations, %v", len(ops), err)
	}
	if ops[0].Set != 1 || string(ops[0].ContentID) != "1" || string(ops[0].Body) != `{"name":"Parent"}` {
		t.Errorf("got %+v", ops[0])
	}
}

func TestBareLineFeedsLoseOnlyTheLastStandAloneWrite(t *testing.T) { // 3.1, line endings
	write := strings.Replace(twoOperations, "DELETE /api/data/v9.2/accounts(11111111-1111-1111-1111-111111111111) HTTP/1.1\n\n",
		"PATCH /api/data/v9.2/accounts(11111111-1111-1111-1111-111111111111) HTTP/1.1\nContent-Type: application/json\n\n{}", 1)
	for _, c := range []struct {
		name, body string
		unreadable []bool
	}{
		{"CRLF everywhere reads all", crlf(write), []bool{false, false}},
		{"LF loses the last write", write, []bool{false, true}},
		{"LF without a line end after the closing delimiter too", strings.TrimRight(write, "\n"), []bool{false, true}},
		{"CRLF everywhere but after the closing delimiter too", strings.TrimSuffix(crlf(write), "\r\n"), []bool{false, true}},
		{"two extra line ends are the cure", write + "\n\n", []bool{false, false}},
		{"a change set is read", changeSet, []bool{false}},
		{"a delete has no body to lose", twoOperations, []bool{false, false}},
		{"no closing delimiter loses the last write", strings.TrimSuffix(crlf(write), "--batch_1--\r\n"), []bool{false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops, err := batch.Read([]byte(c.body), "batch_1", nil)
			if err != nil || len(ops) != len(c.unreadable) {
				t.Fatalf("got %d operations, %v", len(ops), err)
			}
			for i, want := range c.unreadable {
				if ops[i].Unreadable != want {
					t.Errorf("operation %d: unreadable %v, want %v", i, ops[i].Unreadable, want)
				}
			}
		})
	}
}

func TestWhatIsNotABatchIsRefusedWhole(t *testing.T) {
	part := "--b\r\nContent-Type: application/http\r\n\r\nGET /api/data/v9.2/accounts HTTP/1.1\r\n\r\n\r\n"
	inner := strings.ReplaceAll(part, "--b", "--c")
	for _, c := range []struct{ name, body, reason string }{
		{"no delimiter", "hello", "no part"},
		{"1,001 operations", strings.Repeat(part, 1001) + "--b--\r\n", "too many parts. A maximum number of '1000'"},
		{
			"1,001 operations in a change set", "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + strings.Repeat(inner, 1001) + "--c--\r\n--b--\r\n",
			"current change set contains too many operations",
		},
		{
			"a change set in a change set", "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d--\r\n--c--\r\n--b--\r\n",
			"nested change set",
		},
		{"a GET whose headers do not end", "--b\r\nContent-Type: application/http\r\n\r\nGET /x HTTP/1.1\r\n--b--\r\n", "message header"},
		{
			"a GET with headers that do not end", "--b\r\nContent-Type: application/http\r\n\r\nGET /x HTTP/1.1\r\nAccept: application/json\r\n--b--\r\n",
			"The message header '--b' is invalid.",
		},
		{
			"1,200 operations in change sets of 600",
			strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"+strings.Repeat(inner, 600)+"--c--\r\n", 2) + "--b--\r\n", "current batch message",
		},
		{"a part of another type", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "text/plain"},
		{"a request line without a protocol", "--b\r\nContent-Type: application/http\r\n\r\nGET /x\r\n\r\n--b--\r\n", "request line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := batch.Read([]byte(c.body), "b", nil)
			var refused *batch.ReadError
			if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.reason) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
	if ops, err := batch.Read([]byte(strings.Repeat(part, 1000)+"--b--\r\n"), "b", nil); err != nil || len(ops) != 1000 {
		t.Errorf("1,000 operations: got %d, %v", len(ops), err)
	}
}

func TestWhatOtherClientsFrameIsRead(t *testing.T) { // 3.1
	for _, c := range []struct{ name, body string }{
		{"a preamble and an epilogue", "a preamble\r\n" + crlf(twoOperations) + "an epilogue"},
		{"blanks after a delimiter", strings.Replace(crlf(twoOperations), "--batch_1\r\n", "--batch_1 \t\r\n", 1)},
		{"a parameter of the part's type", strings.ReplaceAll(crlf(twoOperations), "application/http\r\n", "application/http; msgtype=request\r\n")},
		{"headers in another case", strings.ReplaceAll(strings.ReplaceAll(crlf(twoOperations), "Content-Type", "content-type"), "If-Match", "IF-MATCH")},
		{"no transfer encoding", strings.ReplaceAll(crlf(twoOperations), "Content-Transfer-Encoding: binary\r\n", "")},
		{"part lengths, even wrong ones", strings.ReplaceAll(crlf(twoOperations), "binary\r\n", "binary\r\nContent-Length: 7\r\n")},
		{"Content-IDs outside of change sets", strings.ReplaceAll(crlf(twoOperations), "binary\r\n", "binary\r\nContent-ID: 1\r\n")},
		{"an empty line more after a bodiless part", strings.Replace(crlf(twoOperations), "\r\n--batch_1--", "\r\n\r\n--batch_1--", 1)},
		{"one empty line after a bodiless part", strings.Replace(crlf(twoOperations), "\r\n\r\n--batch_1--", "\r\n--batch_1--", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops, err := batch.Read([]byte(c.body), "batch_1", nil)
			if err != nil || len(ops) != 2 || string(ops[0].IfMatch) != "*" || strings.TrimSpace(string(ops[0].Body)) != `{"name":"Alpha"}` || ops[0].Unreadable || ops[1].Unreadable {
				t.Errorf("got %+v, %v", ops, err)
			}
		})
	}
	for contentType, want := range map[string]string{
		"multipart/mixed; boundary=b": "b", `multipart/mixed;boundary="b c"`: "b c", "Multipart/Mixed; charset=utf-8; boundary=batch_1-2": "batch_1-2",
		"multipart/mixed": "", "multipart/form-data; boundary=b": "", "application/json": "",
	} {
		if got, ok := batch.Boundary(contentType); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", contentType, got, ok)
		}
	}
}

func TestABoundaryThatBeginsLikeAnotherIsNotIt(t *testing.T) {
	body := crlf(strings.ReplaceAll(changeSet, "changeset_1", "batch_1_1"))
	ops, err := batch.Read([]byte(body), "batch_1", nil)
	if err != nil || len(ops) != 1 || string(ops[0].Body) != `{"name":"Parent"}` {
		t.Errorf("got %+v, %v", ops, err)
	}
}

// FuzzRead: arbitrary bytes never panic, and what is read are operations with a method and a URL, within the limit.
func FuzzRead(f *testing.F) {
	f.Add([]byte(crlf(twoOperations)))
	f.Add([]byte(twoOperations))
	f.Add([]byte(crlf(changeSet)))
	f.Add([]byte("--batch_1--"))
	f.Add([]byte("--batch_1"))
	f.Add([]byte("--batch_1\r\n\r\n--batch_1--"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops, err := batch.Read(b, "batch_1", nil)
		if err != nil {
			return
		}
		if len(ops) > batch.Limit {
			t.Errorf("%d operations", len(ops))
		}
		for _, op := range ops {
			if len(op.Method) == 0 || len(op.URL) == 0 {
				t.Errorf("operation without method or URL: %+v", op)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	part := "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
		"PATCH /api/data/v9.2/contacts(externaluseridentifier='C-000001') HTTP/1.1\r\nContent-Type: application/json; type=entry\r\n\r\n" +
		`{"firstname":"Ada","lastname":"Lovelace","emailaddress1":"ada@example.org"}` + "\r\n"
	body := []byte(strings.Repeat(part, 1000) + "--b--\r\n")
	ops := make([]batch.Operation, 0, 1000)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := batch.Read(body, "b", ops[:0]); err != nil {
			b.Fatal(err)
		}
	}
}
