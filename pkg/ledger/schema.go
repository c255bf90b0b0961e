package ledger

import (
	"context"
	"fmt"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
)

// tables are what Penstock keeps in ClickHouse. They are public: users query them with SQL. None holds a payload.
//
// The version of a ledger entry is run*8 + rank, where sent ranks 0, accepted 1 and sent again 2, so that of two entries
// for a key the later truth stays, in whatever order and however often they arrive.
var tables = []struct{ name, definition string }{ //nolint:gochecknoglobals // constant table
	{"ledger", `(
	organization LowCardinality(String) COMMENT 'OrganizationId that WhoAmI named',
	sync LowCardinality(String),
	key String COMMENT 'match key, normalised as Dataverse compares it',
	xxh3 UInt64 COMMENT 'hash of the mapped values, first half',
	city UInt64 COMMENT 'second half',
	fingerprint UInt64 COMMENT 'of the mapping that the values were rendered with',
	run UInt64,
	state Enum8('sent' = 1, 'accepted' = 2),
	left UInt8 COMMENT 'the row left the model, and its record is 1 deleted, 2 deactivated, 3 cleared; 4: the row is back, its record not yet active again; 5 cleared while inactive; 6 to be deleted while inactive',
	address String COMMENT 'the record below the API root',
	version UInt64,
	at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version) ORDER BY (organization, sync, key)`},

	{"results", `(
	organization LowCardinality(String),
	sync LowCardinality(String),
	run UInt64,
	epoch UInt64,
	chunk UInt32,
	count UInt32 COMMENT 'changes in the chunk',
	outcomes Array(UInt8) COMMENT 'by ordinal: 1 accepted, 2 refused, 3 not sent, 4 unknown',
	deliveries UInt64,
	unanswered UInt8,
	at DateTime64(3, 'UTC'),
	exhausted UInt32 COMMENT 'of the refused, those that fell to a fault that may pass'
) ENGINE = MergeTree ORDER BY (organization, sync, run, chunk) TTL toDateTime(at) + INTERVAL 30 DAY`},

	{"dead_letters", `(
	organization LowCardinality(String),
	environment LowCardinality(String),
	sync LowCardinality(String),
	key String COMMENT 'empty for rows without a key, which share one letter',
	run UInt64,
	chunk UInt32 COMMENT '0: the row could not be rendered',
	ordinal UInt32,
	table LowCardinality(String),
	operation LowCardinality(String),
	xxh3 UInt64,
	city UInt64,
	fingerprint UInt64 COMMENT '0: the row does not wait for a change, the next run sends it again',
	rows UInt64 COMMENT 'rows of the model that it stands for',
	class LowCardinality(String),
	code LowCardinality(String),
	column LowCardinality(String),
	target LowCardinality(String),
	privilege LowCardinality(String),
	message String,
	status UInt16,
	request_id String,
	at DateTime64(3, 'UTC'),
	alternate_key LowCardinality(String) COMMENT 'display name of the key that another record holds'
) ENGINE = ReplacingMergeTree ORDER BY (organization, sync, key, run, chunk, ordinal)`},

	{"runs", `(
	organization LowCardinality(String),
	environment LowCardinality(String),
	sync LowCardinality(String),
	run UInt64,
	epoch UInt64,
	phase LowCardinality(String),
	reason String,
	started DateTime64(3, 'UTC'),
	ended Nullable(DateTime64(3, 'UTC')),
	read UInt64, unchanged UInt64, accepted UInt64, refused UInt64, waiting UInt64, not_sent UInt64,
	left UInt64, deleted UInt64, left_refused UInt64, left_waiting UInt64, parked UInt64, kept UInt64, left_not_sent UInt64,
	truncated UInt64 COMMENT 'values that were cut because the sync says truncate',
	keyless UInt64 COMMENT 'rows without a key or with one that occurs twice',
	requested_by String,
	requested_why String,
	version UInt64,
	sync_version UInt64 COMMENT 'version of the sync that it carried out; 0: it did not come so far'
) ENGINE = ReplacingMergeTree(version) ORDER BY (environment, sync, run)`},

	{"diffs", `(
	organization LowCardinality(String),
	sync LowCardinality(String),
	run UInt64,
	kind LowCardinality(String),
	key String COMMENT 'empty where only the count matters',
	rows UInt64,
	xxh3 UInt64,
	city UInt64,
	inactive UInt8 COMMENT '1: the record was deactivated when the row left, and nobody has said since that it is active'
) ENGINE = MergeTree PARTITION BY (organization, sync, run) ORDER BY (kind, key)`},

	{"specs", `(
	name String COMMENT 'environment.<name> or sync.<environment>.<name>',
	version UInt64,
	document String COMMENT 'JSON; secrets are references',
	author String,
	at DateTime64(3, 'UTC'),
	reason String,
	unchecked UInt8 COMMENT '1: stored although it would have been refused',
	removed UInt8 COMMENT '1: from this version on it is not applied'
) ENGINE = ReplacingMergeTree ORDER BY (name, version)`},
}

// additions are columns that tables of older versions lack.
var additions = []struct{ table, column string }{ //nolint:gochecknoglobals // constant table
	{"dead_letters", "alternate_key LowCardinality(String) COMMENT 'display name of the key that another record holds'"},
	{"diffs", "inactive UInt8 COMMENT '1: the record was deactivated when the row left, and nobody has said since that it is active'"},
	{"runs", "sync_version UInt64 COMMENT 'version of the sync that it carried out; 0: it did not come so far'"},
	{"results", "exhausted UInt32 COMMENT 'of the refused, those that fell to a fault that may pass'"},
	{"specs", "reason String"},
	{"specs", "unchecked UInt8 COMMENT '1: stored although it would have been refused'"},
	{"specs", "removed UInt8 COMMENT '1: from this version on it is not applied'"},
	{"runs", "truncated UInt64 COMMENT 'values that were cut because the sync says truncate'"},
}

// views answer the questions that people ask.
var views = []struct{ name, definition string }{ //nolint:gochecknoglobals // constant table
	// A letter is open while its row still wants the change: it is the newest of its key, and no run has since sent
	// the key with another end. The order is the table's own backwards, which is read without sorting. The settings are
	// said here because the reader's may differ.
	{"open_dead_letters", `AS
SELECT l.* EXCEPT (entry_run, entry_state)
FROM (
	SELECT d.*, e.run AS entry_run, e.state AS entry_state
	FROM (SELECT * FROM %[1]s.dead_letters ORDER BY organization DESC, sync DESC, key DESC, run DESC, chunk DESC, ordinal DESC LIMIT 1 BY organization, sync, key) AS d
	LEFT JOIN (
		SELECT organization, sync, key, run, toString(state) AS state FROM %[1]s.ledger FINAL
		WHERE (organization, sync, key) IN (SELECT organization, sync, key FROM %[1]s.dead_letters)
	) AS e ON e.organization = d.organization AND e.sync = d.sync AND e.key = d.key
) AS l
WHERE l.run > l.entry_run OR (l.run = l.entry_run AND l.entry_state != 'accepted')
SETTINGS join_algorithm = 'hash', join_use_nulls = 0`},
}

// A Ledger is Penstock's own database in the warehouse.
type Ledger struct {
	conn     *clickhouse.Conn
	database string // quoted
}

// Open makes the database and its tables where they are missing. The database's name may be any; it is quoted.
func Open(ctx context.Context, conn *clickhouse.Conn, database string) (*Ledger, error) {
	l := &Ledger{conn: conn, database: clickhouse.Identifier(database)}
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+l.database); err != nil {
		return nil, fmt.Errorf("ledger: create database %s: %w; its user needs CREATE DATABASE, CREATE TABLE, CREATE VIEW, SELECT, INSERT and ALTER there", database, err)
	}
	for _, t := range tables {
		if err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+l.table(t.name)+" "+t.definition); err != nil {
			return nil, fmt.Errorf("ledger: create table %s.%s: %w", database, t.name, err)
		}
	}
	for _, a := range additions {
		if err := conn.Exec(ctx, "ALTER TABLE "+l.table(a.table)+" ADD COLUMN IF NOT EXISTS "+a.column); err != nil {
			return nil, fmt.Errorf("ledger: add a column to %s.%s: %w", database, a.table, err)
		}
	}
	for _, v := range views {
		if err := conn.Exec(ctx, "CREATE OR REPLACE VIEW "+l.table(v.name)+" "+fmt.Sprintf(v.definition, l.database)); err != nil {
			return nil, fmt.Errorf("ledger: create view %s.%s: %w", database, v.name, err)
		}
	}
	return l, nil
}

func (l *Ledger) table(name string) string { return l.database + "." + name }
