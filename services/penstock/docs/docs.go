// Package docs holds what users read, as far as the command shows it too: annotated examples and the JSON Schemas of the files.
package docs

import "embed"

// Examples is a folder as people write it, in which every key occurs, below examples.
//
//go:embed examples
var Examples embed.FS

// Schemas are the JSON Schemas of the files of syncs/ and environments/: schema/sync.json and schema/environment.json.
//
//go:embed schema
var Schemas embed.FS
