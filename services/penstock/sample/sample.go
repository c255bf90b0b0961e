// Package sample is the warehouse and the syncs of the first run: 500 companies, 10,000 customers and 600 subscriptions made by
// SQL inside ClickHouse, the same ones each time and as awkward as real data. About one row in a hundred is refused, each for a
// reason that the summary of the demo names.
package sample

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

//go:embed files
var files embed.FS

//go:embed tables.yaml
var tables []byte

// Tables are what the sample needs in Dataverse beside the standard tables: one of its own, with a compound key.
func Tables() ([]schema.Table, error) { return schema.Read("sample/tables.yaml", tables) }

// Write puts the files of the sample below dir: syncs with their SQL, and an environment at url whose client secret is
// kept in a file of its own. Files that are there already are left alone, so that they may be edited.
func Write(dir, url, tenant, client, secret string) error {
	sub, err := fs.Sub(files, "files")
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	err = fs.WalkDir(sub, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sub, path)
		if err != nil {
			return err
		}
		return keep(filepath.Join(dir, path), data, 0o644)
	})
	if err != nil {
		return fmt.Errorf("sample: write %s: %w", dir, err)
	}
	if err := keep(filepath.Join(dir, "demo.secret"), []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("sample: write %s: %w", dir, err)
	}
	environment := fmt.Sprintf(`# The emulator that this process runs. A real one: https://org1234567.crm4.dynamics.com/api/data/v9.2/
environment: demo
url: %s
tenant: %s
users:
  - client_id: %s
    client_secret: {file: ../demo.secret}
`, url, tenant, client)
	// The address may be another each time, so this file is written anew.
	path := filepath.Join(dir, "environments", "demo.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if err := os.WriteFile(path, []byte(environment), 0o644); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}

func keep(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close() // the write's error says it
		return err
	}
	return f.Close()
}

// Create makes the warehouse, unless it is there.
func Create(ctx context.Context, conn *clickhouse.Conn) error {
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS sample", companies, customers, subscriptions} {
		if err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("sample: make the warehouse: %w", err)
		}
	}
	return nil
}

// What Change does to the warehouse.
const (
	Changed = 100 // customers that move to another town
	Removed = 10  // customers that are deleted
)

// Change lets some time pass: [Changed] customers move, [Removed] are deleted.
func Change(ctx context.Context, conn *clickhouse.Conn) error {
	for _, statement := range []string{
		"ALTER TABLE sample.customers UPDATE city = concat('New ', ifNull(city, 'Town')) WHERE n BETWEEN 2000 AND 2099 SETTINGS mutations_sync = 1",
		"ALTER TABLE sample.customers DELETE WHERE n BETWEEN 3000 AND 3009 SETTINGS mutations_sync = 1",
	} {
		if err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("sample: change the warehouse: %w", err)
		}
	}
	return nil
}

// The last five companies are refused: two names are longer than the column, three have an industry that Dataverse does
// not know. No customer belongs to them, so that one cause is not counted twice.
const companies = `
CREATE TABLE IF NOT EXISTS sample.companies ENGINE = MergeTree ORDER BY account_no AS
SELECT
	concat('A-', leftPad(toString(n), 4, '0')) AS account_no,
	multiIf(
		n IN (496, 497), repeat(concat('Société Générale des Très Longs Noms ', toString(n), ' '), 5),
		concat(
			['Contoso', 'Müller & Söhne', 'O''Brien Brothers', '東京電機', 'شركة النور', 'Smørrebrød ApS', 'Łódź Tekstylia', 'Fabrikam, Inc.', 'Čokoláda', 'Wide World'][n % 10 + 1],
			' ', toString(n), if(n % 7 = 0, ' 🏭', ''))) AS name,
	if(n % 9 = 0, NULL, concat('office@company', toString(n), '.example')) AS email,
	if(n % 5 = 0, NULL, concat('+44 20 7946 ', leftPad(toString(n), 4, '0'))) AS phone,
	if(n % 4 = 0, '', concat('https://company', toString(n), '.example')) AS website,
	['London', 'München', 'São Paulo', '東京', 'القاهرة', 'Kraków'][n % 6 + 1] AS city,
	['United Kingdom', 'Germany', 'Brazil', 'Japan', 'Egypt', 'Poland'][n % 6 + 1] AS country,
	toNullable(toInt32(multiIf(n > 497, 999, n % 33 + 1))) AS industry,
	if(n % 11 = 0, NULL, toUInt32(n * 37 % 90000)) AS employees,
	if(n % 13 = 0, NULL, toDecimal64(n * 1234.56, 2)) AS revenue,
	if(n % 3 = 0, NULL, concat('Line one of ', toString(n), '\nline "two", with a \\ and a tab\t.')) AS notes
FROM (SELECT number + 1 AS n FROM numbers(500))`

// Of the customers 95 are refused:
//
//	 3 have no key, and 2 share one that differs in case only
//	 4 have a key with a character that Dataverse cannot be addressed with
//	20 have a last name longer than the column, 25 a gender that does not exist, 6 a credit limit beyond the column's
//	 5 have a name that is not UTF-8
//	30 belong to a company that does not exist
const customers = `
CREATE TABLE IF NOT EXISTS sample.customers ENGINE = MergeTree ORDER BY n AS
SELECT
	n,
	multiIf(
		n IN (101, 102, 103), NULL,
		n = 202, 'c-000201',
		n BETWEEN 301 AND 304, concat('C/', toString(n)),
		concat('C-', leftPad(toString(n), 6, '0'))) AS customer_id,
	if(n BETWEEN 401 AND 405, unhex('41FF42'),
		['Ana', 'Zoë', 'D''Arcy', '美咲', 'محمد', 'Ọlá', 'Jean-Luc', 'Siân', 'Владимир', '😀 Emoji'][n % 10 + 1]) AS first_name,
	if(n BETWEEN 501 AND 520, repeat('Wolfeschlegelsteinhausenbergerdorff', 3),
		['O''Neill', 'García Márquez', 'Smith, Jr.', '鈴木', 'بن سلمان', 'van der Berg', 'Nguyễn', '李', 'Þórsdóttir', 'McDonald'][intDiv(n, 10) % 10 + 1]) AS last_name,
	multiIf(n % 17 = 0, NULL, n % 19 = 0, '', concat(if(n % 2 = 0, 'Person', 'person'), toString(intDiv(n, 2)), '@mail.example')) AS email,
	if(n % 3 = 0, NULL, concat('+49 151 ', toString(10000000 + n))) AS mobile,
	if(n % 23 = 0, NULL, ['Berlin', 'Łódź', '大阪', 'Αθήνα', 'Reykjavík', 'Bogotá', 'St. John''s'][n % 7 + 1]) AS city,
	multiIf(n BETWEEN 601 AND 625, 'unknown', n % 29 = 0, NULL, n % 2 = 0, 'male', 'Female')::LowCardinality(Nullable(String)) AS gender,
	if(n % 31 = 0, NULL, toDate32('1925-01-01') + toUInt16(n * 7 % 29000)) AS born,
	multiIf(n BETWEEN 701 AND 706, toDecimal128('1000000000000000', 2), n % 5 = 0, NULL, toDecimal128(n % 100000, 2) / 4)::Nullable(Decimal(20, 2)) AS credit_limit,
	toUInt8(n % 5) AS children,
	n % 6 = 0 AS no_email,
	if(n % 4 = 0, NULL, toDateTime64('2026-03-29 00:30:00', 3, 'Europe/Paris') + toIntervalMinute(n)) AS last_campaign,
	if(n % 2 = 0, NULL, concat('Met at a fair; likes "quotes", \\ and ', char(9), ' tabs. #', toString(n))) AS notes,
	multiIf(n BETWEEN 801 AND 830, 'A-9999', n % 41 = 0, NULL, concat('A-', leftPad(toString(n % 490 + 1), 4, '0'))) AS account_no
FROM (SELECT toUInt32(number + 1) AS n FROM numbers(10000))`

// Of the subscriptions 3 have a plan that Dynamics does not offer.
const subscriptions = `
CREATE TABLE IF NOT EXISTS sample.subscriptions ENGINE = MergeTree ORDER BY (customer_id, product) AS
SELECT
	concat('C-', leftPad(toString(1000 + intDiv(n, 2)), 6, '0')) AS customer_id,
	['Mail', 'Disk'][n % 2 + 1] AS product,
	multiIf(n < 3, 'Platinum', ['Silver', 'Gold'][intDiv(n, 3) % 2 + 1])::Enum8('Silver' = 1, 'Gold' = 2, 'Platinum' = 3) AS plan,
	toDecimal64(n % 50, 2) + 0.9 AS fee,
	toDate('2020-01-01') + toUInt16(n * 3) AS since,
	if(n % 4 = 0, NULL, toDate('2027-01-01') + toUInt16(n)) AS until
FROM (SELECT toUInt32(number) AS n FROM numbers(600))`
