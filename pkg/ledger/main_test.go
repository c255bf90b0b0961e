package ledger_test

import (
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }
