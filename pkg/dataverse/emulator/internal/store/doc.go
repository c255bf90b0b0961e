// Package store keeps the rows of the emulator: tables compiled from their schemas, cells as JSON text, alternate keys with their indexes, the rows
// that point at others, deletes as change tracking remembers them, duplicates as rules count them, snapshots. It knows neither HTTP nor OData, nor
// who may do what.
package store
