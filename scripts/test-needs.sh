#!/usr/bin/env bash
# Installs what the tests need beyond Go: a C compiler for the race detector, npm, by which the embedded ClickHouse is
# fetched, and the clients of other people that the emulator is tested with, which run in node. Where it may not install, it says what is missing.
set -euo pipefail

# install <what for> <package>...: with apt, as root or by a sudo that does not ask.
install() {
	local why=$1
	shift
	local sudo=()
	[ "$(id -u)" = 0 ] || sudo=(sudo -n)
	if command -v apt-get >/dev/null && "${sudo[@]}" true 2>/dev/null; then
		echo "installing $*: $why"
		"${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends "$@" >/dev/null && return
	fi
	echo "the tests need $*: $why; install it and run this again" >&2
	exit 1
}

compiles() {
	local cc
	cc=$(CGO_ENABLED=1 go env CC)
	echo '#include <stdlib.h>' | $cc -E - >/dev/null 2>&1
}

compiles || install "the race detector needs cgo, and cgo a C compiler" gcc libc6-dev
command -v npm >/dev/null || install "npm fetches the embedded ClickHouse (libchdb), and clients for the emulator" npm

# Each time package-lock.json changes; npm checks every archive against the hash that is in it.
clients=pkg/dataverse/emulator/clients
if ! cmp -s $clients/package-lock.json $clients/node_modules/.installed; then
	npm ci --prefix $clients --ignore-scripts --no-audit --no-fund
	cp $clients/package-lock.json $clients/node_modules/.installed
fi
