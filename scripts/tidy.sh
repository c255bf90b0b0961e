#!/usr/bin/env bash
# Every module must be tidy and build by itself. In the workspace a module may import a sibling that it never required,
# and the build stays green; without it, as for anyone who takes one module, it does not.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
want=$(sed -n 's/^go //p' go.work)
failed=0

complain() {
	echo "$1" >&2
	failed=1
}

listed=$(go list -m -f '{{.Dir}}' | sort)
found=$(find "$root/pkg" "$root/proto" "$root/services" -name go.mod -exec dirname {} + | sort)
if [ "$listed" != "$found" ]; then
	diff <(echo "$listed") <(echo "$found") >&2 || true
	complain "go.work (<) does not list the modules of the tree (>); run: go work use -r pkg proto services"
fi

export GOWORK=off
for dir in $listed; do
	module=${dir#"$root"/}
	cd "$dir"
	if [ -z "$(find . -name '*.go' -print -quit)" ]; then
		echo "tidy: $module has no code yet"
		continue
	fi
	got=$(go list -m -f '{{.GoVersion}}')
	[ "$got" = "$want" ] || complain "$module/go.mod says go $got, go.work says $want; run: (cd $module && go mod edit -go=$want)"
	go mod tidy -diff || complain "$module/go.mod is untidy; run: (cd $module && GOWORK=off go mod tidy)"
	go build ./... || complain "$module does not build without the workspace"
done
[ $failed != 0 ] || echo "tidy: all modules, at go $want"
exit $failed
