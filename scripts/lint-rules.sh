#!/usr/bin/env bash
# Usage: lint-rules.sh <golangci-lint>
# Breaks every import rule of .golangci.yml once, to see it bite: a rule whose glob matches nothing is silent about it.
# In a throw-away project with our folders and our settings, each file of the table imports what it may and what it may
# not; depguard must report exactly the latter.
set -euo pipefail
cd "$(dirname "$0")/.."
lint=$1
project=github.com/penstock-sync/penstock

# file                                may import                          : may not import
table='
pkg/penstock/a.go                     time                                : pkg/spec pkg/queue golang.org/x/sync/errgroup
pkg/penstock/a_test.go                pkg/penstock go.uber.org/goleak     : pkg/spec pkg/queue
pkg/document/a.go                     time github.com/goccy/go-yaml/ast   : pkg/penstock pkg/spec pkg/dataverse/emulator golang.org/x/sync/errgroup
pkg/document/fields/a.go              pkg/document                        : pkg/penstock golang.org/x/sync/errgroup
pkg/document/a_test.go                pkg/document go.uber.org/goleak     : pkg/penstock pkg/spec
pkg/sealed/a.go                       pkg/document                        : pkg/penstock pkg/spec pkg/daemon
pkg/spec/a.go                         pkg/penstock pkg/document pkg/sealed : pkg/dataverse pkg/mapping proto/penstock/v1
pkg/spec/a_test.go                    pkg/clickhousetest                  : pkg/clickhouse pkg/mapping
pkg/queue/a.go                        pkg/penstock proto/penstock/v1      : pkg/clickhouse pkg/dataverse pkg/daemon pkg/spec pkg/ledger pkg/natstest services/writer
pkg/queue/a_test.go                   pkg/natstest github.com/nats-io/nats-server/v2/server : pkg/clickhouse
pkg/control/a.go                      pkg/penstock proto/penstock/v1      : pkg/queue pkg/clickhouse pkg/dataverse pkg/natstest
pkg/control/a_test.go                 pkg/natstest                        : pkg/queue
pkg/clickhouse/a.go                   pkg/penstock                        : pkg/queue pkg/dataverse pkg/daemon proto/penstock/v1 pkg/clickhouse/chdb
pkg/clickhouse/a_test.go              pkg/clickhousetest                  : pkg/queue
pkg/clickhouse/chdb/a.go              pkg/clickhouse                      : pkg/queue pkg/dataverse
pkg/clickhousetest/a.go               pkg/clickhouse pkg/clickhouse/chdb  : pkg/natstest pkg/queue
pkg/dataverse/a.go                    pkg/penstock                        : pkg/document pkg/queue pkg/clickhouse pkg/daemon pkg/mapping proto/penstock/v1 pkg/dataverse/emulator
pkg/dataverse/a_test.go               pkg/dataverse/emulator              : pkg/queue
pkg/dataverse/emulator/a.go           pkg/penstock pkg/document           : pkg/dataverse pkg/queue pkg/mapping
pkg/dataverse/emulator/a_test.go      pkg/dataverse/emulator              : pkg/dataverse
pkg/dataverse/dataversetest/a.go      time                                : pkg/dataverse pkg/dataverse/emulator pkg/penstock pkg/queue
pkg/dataverse/dataversetest/a_test.go pkg/dataverse/dataversetest pkg/dataverse/emulator pkg/dataverse/emulator/schema : pkg/dataverse pkg/queue
pkg/daemon/a.go                       pkg/penstock                        : pkg/queue pkg/clickhouse pkg/dataverse proto/penstock/v1
pkg/expression/a.go                   pkg/document                        : pkg/spec pkg/mapping pkg/penstock
pkg/mapping/a.go                      pkg/penstock pkg/document pkg/expression pkg/spec pkg/dataverse : pkg/queue pkg/clickhouse pkg/dataverse/emulator proto/penstock/v1
pkg/mapping/a_test.go                 pkg/dataverse                       : pkg/dataverse/emulator
pkg/privilege/a.go                    pkg/penstock pkg/spec pkg/sealed pkg/dataverse proto/penstock/v1 : pkg/mapping pkg/connection pkg/queue pkg/control
pkg/connection/a.go                   pkg/penstock pkg/document pkg/sealed pkg/spec pkg/mapping pkg/dataverse pkg/privilege proto/penstock/v1 : pkg/queue pkg/clickhouse pkg/control pkg/dataverse/emulator
pkg/connection/a_test.go              pkg/dataverse/emulator              : pkg/queue
pkg/plan/a.go                         pkg/penstock pkg/spec pkg/mapping pkg/dataverse pkg/ledger proto/penstock/v1 : pkg/queue pkg/control pkg/clickhouse pkg/connection pkg/dataverse/emulator
pkg/suggest/a.go                      pkg/penstock pkg/spec pkg/mapping pkg/dataverse : pkg/queue pkg/clickhouse pkg/plan proto/penstock/v1 pkg/dataverse/emulator
pkg/ledger/a.go                       pkg/penstock pkg/clickhouse         : pkg/queue pkg/dataverse pkg/mapping proto/penstock/v1 pkg/clickhouse/chdb
pkg/ledger/a_test.go                  pkg/clickhousetest                  : pkg/queue
pkg/natstest/a.go                     github.com/nats-io/nats-server/v2/server : pkg/queue
pkg/added/later/a.go                  pkg/penstock                        : services/writer github.com/nats-io/nats-server/v2/server
proto/penstock/v1/a.go                time                                : pkg/penstock
services/extractor/a.go               pkg/queue services/extractor/diff   : services/writer services/penstock pkg/natstest github.com/nats-io/nats-server/v2/server
services/writer/a.go                  pkg/queue pkg/dataverse             : services/extractor services/penstock pkg/dataverse/emulator pkg/clickhouse/chdb
services/writer/deeper/a.go           pkg/queue services/writer           : services/deadletter
services/writer/a_test.go             pkg/natstest pkg/dataverse/emulator : services/extractor
services/deadletter/a.go              pkg/clickhouse                      : services/writer services/console pkg/clickhousetest
services/console/a.go                 proto/penstock/v1                   : services/deadletter services/penstock
services/penstock/a.go                services/extractor services/writer services/deadletter services/console github.com/nats-io/nats-server/v2/server pkg/dataverse/emulator pkg/clickhouse/chdb :
'

failed=0
complain() {
	echo "lint-rules: $*" >&2
	failed=1
}

# A renamed folder takes its rule along.
for folder in $(grep -o '${config-path}/[^*"]*' .golangci.yml | cut -d/ -f2- | sort -u); do
	[ -d "$folder" ] || complain ".golangci.yml has a rule for $folder, which is not in the tree"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp .golangci.yml "$work"
export GOWORK=off GOFLAGS=-mod=mod

# stub <folder>: an empty package
stub() {
	mkdir -p "$work/$1"
	echo "package stub" >"$work/$1/stub.go"
}
printf 'module %s\n\ngo 1.26\n' $project >"$work/go.mod"
for folder in $(tr ' ' '\n' <<<"$table" | grep -E '^(pkg|proto|services)/' | sed -E 's|/[a-z_]*\.go$||' | sort -u); do
	stub "$folder"
done
# modules in place of other people's: nothing is fetched
for module in github.com/nats-io/nats-server/v2@v2.0.0 golang.org/x/sync@v0.0.0 go.uber.org/goleak@v0.0.0 github.com/goccy/go-yaml@v0.0.0; do
	mkdir -p "$work/${module%@*}"
	printf 'module %s\n\ngo 1.26\n' "${module%@*}" >"$work/${module%@*}/go.mod"
	(cd "$work" && go mod edit -require="$module" -replace="${module%@*}=./${module%@*}")
done
stub github.com/nats-io/nats-server/v2/server
stub golang.org/x/sync/errgroup
stub go.uber.org/goleak
stub github.com/goccy/go-yaml/ast

# paths <import>...: as Go writes them, one per line
paths() {
	local import
	for import in "$@"; do
		case $import in
		pkg/* | proto/* | services/*) echo "$project/$import" ;;
		*) echo "$import" ;;
		esac
	done
}

# One file at a time, or the violations would make a circle.
while read -r file may; do
	[ -n "$file" ] || continue
	mustnot=${may#*:}
	may=${may%%:*}
	package=stub
	[[ $file != *_test.go ]] || package=stub_test
	{
		echo "package $package"
		# shellcheck disable=SC2086 # words
		paths $may $mustnot | sed 's/.*/import _ "&"/'
	} >"$work/$file"

	status=0
	out=$(cd "$work" && "$lint" run --allow-parallel-runners --enable-only depguard "./${file%/*}" 2>&1) || status=$?
	if [ $status -gt 1 ]; then
		complain "golangci-lint ended with $status: $out"
	fi
	# shellcheck disable=SC2086 # words
	want=$(paths $mustnot | sort)
	got=$(sed -n "s/.*: import '\([^']*\)' is not allowed .*/\1/p" <<<"$out" | sort -u)
	if [ "$got" != "$want" ]; then
		complain "$file: reported (<) is not what is forbidden (>)"
		diff <(echo "$got") <(echo "$want") >&2 || true
	fi
	sed -n "s/.*is not allowed from list '\([^']*\)'.*/\1/p" <<<"$out" >>"$work/bitten"
	rm "$work/$file"
done <<<"$table"

rules=$(sed -n '/^    depguard:/,/^  exclusions:/s/^        \([a-z-]*\):.*/\1/p' .golangci.yml | sort)
toothless=$(comm -23 <(echo "$rules") <(sort -u "$work/bitten"))
[ -z "$toothless" ] || complain "no file of the table breaks the rule: $toothless"

[ $failed != 0 ] || echo "lint-rules: all $(wc -l <<<"$rules") rules bite"
exit $failed
