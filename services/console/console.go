// Package console is the room of the ops console. Nothing lives in it yet: dead letters and runs are looked at with the
// command line (services/penstock/cli).
package console
