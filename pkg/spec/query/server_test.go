package query_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/spec/query"
)

// lifelike are queries as people write them, and odder ones, over people (id, email).
var lifelike = []string{
	"WITH 1 AS one SELECT one AS id, one + 1 AS next",
	"WITH (SELECT max(number) FROM numbers(5)) AS top SELECT number AS id, top FROM numbers(3)",
	"WITH a AS (SELECT number AS id FROM numbers(3)), b AS (SELECT id * 2 AS id FROM a) SELECT id FROM b",
	"SELECT arrayMap(x -> x + 1, [1, 2]) AS list, 1 AS id",
	"SELECT arrayFilter((x, y) -> x > y, [1,2,3], [0,5,0]) AS list",
	"SELECT (1, 'a').2 AS t, tuple(1, 2) AS u, (1 AS a, 2 AS b) AS c",
	"SELECT id, v FROM (SELECT 1 AS id, [1,2] AS vs) ARRAY JOIN vs AS v",
	"SELECT id, vs, i FROM (SELECT 1 AS id, [1,2] AS vs) LEFT ARRAY JOIN vs, arrayEnumerate(vs) AS i",
	"SELECT number % 2 AS g, number FROM numbers(10) ORDER BY number LIMIT 1 BY g",
	"SELECT number % 2 AS g, max(number) AS m FROM numbers(10) GROUP BY g WITH TOTALS HAVING m > 1 ORDER BY g LIMIT 5 OFFSET 0",
	"SELECT id, email FROM people FINAL SAMPLE 1/10 OFFSET 1/2 WHERE id > 0",
	"SELECT id, email FROM people FINAL PREWHERE id > 0 WHERE email != ''",
	"SELECT 1 AS id # it's a comment\n, 2 AS b #! another (\n",
	"SELECT 1 AS id /* it's ( */ , 2 AS b -- and ' this\n",
	"SELECT 1 AS id --no blank '",
	"SELECT $$it's (a) \"b\"$$ AS t, $x$ $$ $x$ AS u",
	"SELECT 'it\\'s', 'it''s', '\\\\', '\\x41\\n' AS e",
	"SELECT 1 AS `my id`, 2 AS \"your id\", 3 AS `a``b`, 4 AS \"c\\\"d\"",
	"SELECT 1 AS id UNION ALL SELECT 2 UNION DISTINCT SELECT 3",
	"(SELECT 1 AS id) UNION ALL (SELECT 2 AS other)",
	"((SELECT 1 AS id))",
	"SELECT * FROM people EXCEPT SELECT * FROM people",
	"SELECT * EXCEPT (email) FROM people",
	"SELECT * EXCEPT email FROM people",
	"SELECT * REPLACE (lower(email) AS email) FROM people",
	"SELECT * REPLACE lower(email) AS email FROM people",
	"SELECT * APPLY (toString) FROM people",
	"SELECT * APPLY toString EXCEPT (id) FROM people",
	"SELECT people.* EXCEPT (id), 1 AS x FROM people",
	"SELECT COLUMNS('mail'), COLUMNS('id') APPLY(x -> x * 2) FROM people",
	"SELECT p.COLUMNS('mail') FROM people AS p",
	"SELECT COLUMNS(id, email) FROM people",
	"SELECT s.id, s.email FROM (SELECT * FROM people) s;",
	"SELECT id FROM people; -- done; it's over (",
	"SELECT id::String AS id, '1'::UInt8 + 1 AS n, [1]::Array(UInt8) AS l, CAST(id AS String) AS s, CAST(id, 'String') AS t FROM people",
	"SELECT people.id, people.email FROM people",
	"SELECT * FROM people JOIN people AS q USING (id)",
	"SELECT p.*, q.email AS other FROM people p LEFT JOIN people q USING id",
	"SELECT p.id, q.email FROM people p ANY LEFT JOIN people q ON p.id = q.id AND q.email LIKE '%(%'",
	"SELECT p.id FROM people p ASOF JOIN people q ON p.email = q.email AND p.id >= q.id",
	"SELECT id FROM people WHERE email IN ('a', 'b') AND id NOT IN (SELECT id FROM people WHERE email = ')')",
	"SELECT now() - INTERVAL 1 DAY AS t, now() + INTERVAL '2' MONTH AS u, INTERVAL '1 day 2 hour' AS i",
	"SELECT id, row_number() OVER (PARTITION BY email ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS n FROM people",
	"SELECT id, sum(id) OVER w AS s FROM people WINDOW w AS (PARTITION BY email)",
	"SELECT id, 'FORMAT JSON; SELECT 2' AS t FROM people",
	"SELECT id FROM people SETTINGS max_threads = 1, join_use_nulls = 1",
	"SELECT id FROM people ORDER BY id WITH FILL FROM 1 TO 10 STEP 1 INTERPOLATE (email AS email)",
	"SELECT multiIf(id = 1, 'a', id = 2, 'b', 'c') AS x, CASE WHEN id = 1 THEN 'a' ELSE 'b' END AS y, CASE id WHEN 1 THEN 2 END AS z FROM people",
	"SELECT argMax(email, id) AS email, id % 2 AS id FROM people GROUP BY ALL",
	"SELECT if(empty(email), NULL, email) AS email, id FROM people QUALIFY row_number() OVER (PARTITION BY email ORDER BY id) = 1",
	"SELECT DISTINCT ON (email) id, email FROM people",
	"SELECT DISTINCT * FROM people",
	"SELECT ALL * FROM people",
	"SELECT TOP 2 * FROM people",
	"SELECT TOP 2 id FROM people",
	"FROM people SELECT id, email WHERE id > 0",
	"FROM people SELECT ALL * WHERE id > 0",
	"FROM people SELECT DISTINCT ON (id) * WHERE id > 0",
	"FROM people SELECT TOP 2 * ORDER BY id",
	"FROM people SELECT DISTINCT * LIMIT 5",
	"SELECT a.b.c AS x FROM (SELECT CAST(((1,),), 'Tuple(b Tuple(c UInt8))') AS a)",
	"SELECT a.* FROM (SELECT CAST((1, 2), 'Tuple(email String, c UInt8)') AS a)",
	"SELECT untuple(CAST((1, 2), 'Tuple(email String, c UInt8)'))",
	"SELECT untuple(a) FROM (SELECT CAST((1, 2), 'Tuple(email String, c UInt8)') AS a)",
	"SELECT 1 AS select, 2 AS `from`",
	"SELECT 1 AS format, 2 AS \"into\" ORDER BY format DESC",
	"SELECT format FROM (SELECT 1 AS format)",
	"SELECT t.format AS f FROM (SELECT 1 AS format) AS t ORDER BY t.format ASC",
	"SELECT CASE format WHEN 1 THEN format ELSE format END AS f FROM (SELECT 1 AS format) ORDER BY f, format DESC",
	"SELECT extract(DAY FROM now()) AS d, trim(BOTH 'a' FROM 'aba') AS t, substring('abc' FROM 2 FOR 1) AS s",
	"SELECT position('b' IN 'abc') AS p, 'a' || 'b' AS c, NOT 1 AS n, -1 AS m, 1 <=> NULL AS q",
	"SELECT exists(SELECT 1) AS e, 1 = ANY (SELECT 1) AS a",
	"SELECT true, NULL, inf, nan, 1, 'x', 0x10, 1e3, [1], (1,2)",
	"SELECT TRUE, Null, INF, NaN, CURRENT_DATE, CURRENT_TIMESTAMP",
	"SELECT (SELECT 5)",
	"SELECT (SELECT 5 AS email)",
	"SELECT count(), count(*), max(id) FROM people",
	"SELECT id * 2, id + 1, -id, email || 'x', id = 1 AND id = 2, not id FROM people",
	"SELECT id FROM values('id UInt8, email String', (1, 'a'))",
	"SELECT * FROM values('id UInt8, email String', (1, 'a'))",
	"SELECT * FROM format(JSONEachRow, '{\"a\": 1}')",
	"SELECT * FROM (VALUES (1, 'a'), (2, 'b'))",
	"SELECT * FROM VALUES('id UInt8', 1)",
	"SELECT toDateTime64('2024-01-01 00:00:00', 3, 'UTC') AS t, DATE '2024-01-01' AS d, TIMESTAMP '2024-01-01 00:00:00' AS ts",
	"SELECT ‘it's’ AS a, 1 AS “b c”",
	"\uFEFFSELECT 1 AS id",
	"SELECT\u00a01 AS id",
	"SELECT 1 AS id\r\nFROM people\r\n;\r\n-- x\r\n",
	"SELECT 1 AS id, /* a /* nested */ b */ 2 AS c",
	"SELECT id, grouping(id) AS g FROM people GROUP BY GROUPING SETS ((id), ())",
	"SELECT id FROM people GROUP BY id WITH ROLLUP",
	"SELECT id, email FROM people INTERSECT SELECT id, email FROM people",
	"WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
	"SELECT x.1, x.2 AS y FROM (SELECT (1, 2) AS x)",
	"SELECT arr.1 FROM (SELECT [(1,2)] AS arr)",
	"SELECT id,\n       email,\nFROM people",
	"SELECT date_diff(DAY, now(), now()) AS d, dateAdd(MONTH, 1, now()) AS m, DATEADD(week, 1, now()) AS w",
	"SELECT id FROM people WHERE email ILIKE '%\\_%' OR match(email, '^[^(]+\\\\($') OR email REGEXP 'a('",
	"SELECT 2024_visits FROM (SELECT 1 AS `2024_visits`)",
	"SELECT 1_000 AS k, 0b11 AS b, 1. AS f, .5 AS g, 1e-3 AS h, 0x1p-3 AS i",
	"SELECT json.email, json.^sub, json.a.:Int64 FROM (SELECT '{\"email\":\"a\"}'::JSON AS json)",
	"SELECT n.email FROM (SELECT [1] AS `n.email`)",
	"SELECT t.id AS id FROM (SELECT * FROM people) AS t (id, email)",
	"WITH t(id, email) AS (SELECT 1, 2) SELECT id FROM t",
	"SELECT id, email FROM people AS p (a, b)",
	"SELECT number AS id FROM system.numbers LIMIT 3",
	"SELECT explain FROM (EXPLAIN SELECT 1)",
	"WITH (x -> x + 1) AS inc SELECT inc(1) AS id",
	"SELECT id FROM people ORDER BY id LIMIT 2 WITH TIES",
	"SELECT id FROM people ORDER BY id OFFSET 1 ROW FETCH FIRST 1 ROWS ONLY",
	"SELECT \"email\" FROM people",
	"SELECT id \"email\" FROM people",
	"SELECT id e FROM people p",
	"SELECT if(1, 2, 3) one, two FROM (SELECT 2 two)",
	"SELECT x'41' AS h, b'1' AS b",
	"SELECT 1 AS id;;",
	"SELECT 1 AS $a",
	"SELECT 1 AS a$",
	"SELECT 1 //c\n",
	"SELECT 1 AS id ; /* all ( */",
	"SELECT 5 - -3 AS a, 5--3\n",
	"SELECT 5 − 3 AS a",
	"SELECT id FROM people, (SELECT 1 AS one) t WHERE one = 1",
	"SELECT id FROM people PASTE JOIN (SELECT 1 AS one)",
	"SELECT 'b' AS x, * FROM people",
	"SELECT *, 'b' AS x FROM people",
	"SELECT id, * EXCEPT (id) FROM people",
	"SELECT (*), 1 FROM people",
	"SELECT (id, email).* FROM people",
	"SELECT tuple(*) FROM people",
}

// Who is refused a query that is right can do nothing about it: the server is the judge of what we say without one.
func TestWhatTheServerTakesIsLetThroughAndLacksNoneOfItsColumns(t *testing.T) {
	conn := clickhousetest.Open(t)
	people := "people_" + strings.ToLower(rand.Text())
	if err := conn.Exec(t.Context(), "CREATE TABLE "+people+" (id UInt32, email String) ENGINE = ReplacingMergeTree ORDER BY id SAMPLE BY id"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Exec(t.Context(), "DROP TABLE "+people); err != nil {
			t.Error(err)
		}
	}()
	for _, sql := range lifelike {
		q := query.Read(strings.ReplaceAll(sql, "people", people))
		columns, err := conn.Columns(t.Context(), q.Text)
		if err != nil || len(q.Faults) > 0 {
			t.Errorf("%q: %+v; the server says %v", sql, q.Faults, err)
		}
		for _, c := range columns {
			if q.Lacks(c.Name) {
				t.Errorf("%q is said to lack %s", sql, c.Name)
			}
		}
	}
}
