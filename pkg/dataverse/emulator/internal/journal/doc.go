// Package journal keeps what was written to the emulator: one entry for each committed write, in the order of the commits.
package journal
