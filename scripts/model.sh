#!/usr/bin/env bash
# Checks the model of a run (services/extractor/model/run.pml): whole, it must hold; with any one guard taken out, a fault
# must be found. `scripts/model.sh` checks all; `scripts/model.sh NO_NOTICE` shows the shortest way into that fault.
set -euo pipefail

model="$(cd "$(dirname "$0")/.." && pwd)/services/extractor/model/run.pml"

# what must come out | -D switches: the guard to take out first, then the smallest history that shows it
rows="
holds|CRASH
holds|CRASH LOSS STRAGGLER TAKEOVERS=1
holds|OVERRUN RUNS=3 TAKEOVERS=1
holds|WRITERS=0
assertion violated|NO_CAS WRITERS=1
assertion violated|NO_EPOCH
assertion violated|NO_DEADLINE TAKEOVERS=1
assertion violated|NO_HOLD
assertion violated|NO_PURGED
assertion violated|NO_UNANSWERED TAKEOVERS=1
assertion violated|NO_NOTICE TAKEOVERS=1
assertion violated|NO_SEAL TAKEOVERS=1
assertion violated|NO_RECORDED TAKEOVERS=1
assertion violated|NO_BALANCE LOSS TAKEOVERS=1
assertion violated|NO_EMPTY NO_BALANCE TAKEOVERS=1
assertion violated|NO_SENT
assertion violated|NO_VERSION STRAGGLER TAKEOVERS=1
assertion violated|NO_LATE OVERRUN RUNS=3 TAKEOVERS=1
invalid end state|NO_PURGE WRITERS=0
"

need() { # tool, Debian package
	command -v "$1" >/dev/null && return
	local as=()
	if [ "$(id -u)" != 0 ]; then as=(sudo -n); fi
	if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
		echo "model: installing $2" >&2
		"${as[@]}" apt-get install -y -qq "$2" >/dev/null 2>&1 ||
			{ "${as[@]}" apt-get update -qq && "${as[@]}" apt-get install -y -qq "$2"; } >/dev/null 2>&1 || true
	fi
	command -v "$1" >/dev/null && return
	echo "model: $1 is missing, and could not be installed; as root: apt-get install -y $2 (or see https://spinroot.com)" >&2
	exit 1
}
need spin spin
need gcc gcc

build() { # switches…, then -- and gcc's: leaves ./pan in the current directory
	local switches=()
	while [ "$1" != -- ]; do switches+=("-D$1"); shift; done
	shift
	cp "$model" run.pml
	spin -a "${switches[@]}" run.pml >spin.out 2>&1 && gcc -O1 -w -DSAFETY -DMEMLIM=3000 "$@" -o pan pan.c >>spin.out 2>&1 ||
		{ cat spin.out >&2; return 1; }
}

check() { # row: prints one line of the table, fails unless what must come out came out
	local want=${1%%|*} switches=${1#*|} dir=$work/${1//[^A-Z0-9=_]/-} start=$SECONDS got states
	mkdir "$dir" && cd "$dir"
	# shellcheck disable=SC2086 # the switches are words
	build $switches -- || { printf 'FAIL  %-44s does not compile\n' "$switches"; return 1; }
	timeout 170 ./pan -m100000 -w24 >out 2>&1 || true
	states=$(awk '/states, stored/ { print $1 }' out)
	if ! grep -q 'errors: ' out || grep -qE 'out of memory|depth too small|reached -DMEMLIM' out; then
		got="search not finished"
	elif grep -q 'errors: 0' out; then
		got=holds
	else
		got=$(grep -oE 'assertion violated|invalid end state' out | head -1) || got="another error"
	fi
	if [ "$got" = "$want" ]; then word=ok; else word=FAIL; got="$got, expected: $want"; fi
	printf '%-5s %-44s %9s states %4d s  %s\n' "$word" "$switches" "${states:-?}" $((SECONDS - start)) "$got"
	[ "$word" = ok ]
}

work=${MODEL_WORK:-$(mktemp -d)}
case ${1:-} in
--row) check "$2" ;;
"")
	trap 'rm -rf "$work"' EXIT
	export MODEL_WORK=$work
	if sed '/^$/d' <<<"$rows" | xargs -d '\n' -n 1 -P 2 "$0" --row; then
		echo "model: holds whole, and every guard is missed when it is gone"
	else
		echo "model: see the lines that begin with FAIL; $0 <SWITCH> shows the way into a fault" >&2
		exit 1
	fi
	;;
*)
	trap 'rm -rf "$work"' EXIT
	row=$(grep -m 1 "[|]$1\( \|\$\)" <<<"$rows") || { echo "model: no row begins with $1; see the list in $0" >&2; exit 2; }
	cd "$work"
	# shellcheck disable=SC2086
	build ${row#*|} -- -DBFS
	./pan >out 2>&1 || true
	if [ ! -f run.pml.trail ]; then echo "model: no fault with ${row#*|}"; exit 0; fi
	# shellcheck disable=SC2046
	spin -t -T $(printf -- '-D%s ' ${row#*|}) run.pml | sed '/^spin: trail ends/,$d'
	grep -m 1 '^pan:1' out
	;;
esac
