package ledger_test

import (
	"testing"
	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

func TestProbe(t *testing.T) {
	c := clickhousetest.Open(t)
	for _, q := range []string{
		"SELECT toString(xxh3(tuple(m)) = xxh3(tuple(toUInt64(1)))) FROM (SELECT 5 AS m)",
		"SELECT toString(m1 = xxh3(tuple(toUInt64(1)))) FROM (SELECT 'x' AS k, toUInt64(1) AS m, xxh3(tuple(m)) AS m1 FROM (SELECT 5 AS m))",
		"SELECT version()",
		"SELECT toString(value) FROM system.settings WHERE name='max_bytes_before_external_group_by'",
		"SELECT toString(value) FROM system.settings WHERE name='max_bytes_ratio_before_external_group_by'",
		"SELECT toString(value) FROM system.settings WHERE name='optimize_on_insert'",
		"SELECT toString(value) FROM system.settings WHERE name='max_threads'",
		"SELECT toString(value) FROM system.settings WHERE name='max_memory_usage'",
		"SELECT arrayStringConcat(groupArray(name || '=' || engine), ',') FROM system.tables WHERE database='system' AND name IN ('query_log','processes')",
		"SELECT 'a' -- x",
	} {
		var s string
		err := c.Row(t.Context(), clickhouse.Query{SQL: q}, &s)
		t.Log(q, "=>", s, err)
	}
}
