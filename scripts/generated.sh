#!/usr/bin/env bash
# Usage: generated.sh <buf>
# Generates proto/ into a folder of its own and compares: the tree is not touched, and a forgotten, a stale and a
# left-over file all show.
set -euo pipefail
cd "$(dirname "$0")/.."
buf=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/committed" "$work/generated"

(cd proto && find . -name '*.pb.go' | tar -cf - -T -) | tar -xf - -C "$work/committed"
(cd proto && "$buf" generate -o "$work/generated")

if ! diff -ru "$work/committed" "$work/generated"; then
	echo "generated code in proto/ is not what its .proto files say; run: make generate" >&2
	exit 1
fi
