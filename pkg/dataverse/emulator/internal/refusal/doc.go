// Package refusal has the errors that Dataverse answers with: their codes, names and statuses (reference section 8.3), and their form on the wire.
package refusal
