// Package body reads the bodies of writes: a row's columns, lookups and nested rows, each checked against its column (reference sections 2.7 to 2.9).
package body
