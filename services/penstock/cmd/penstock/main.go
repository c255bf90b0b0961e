// Command penstock is Penstock's command line, and everything of it in one process.
package main

import (
	"os"

	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
	"github.com/penstock-sync/penstock/services/penstock/cli"
)

func main() {
	chdb.Main() // the embedded ClickHouse is this binary, started again
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
