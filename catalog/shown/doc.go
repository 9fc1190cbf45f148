// Package shown makes text that somebody else wrote fit to be shown to a person: in one
// line, in several, or in a JSON document. It says which characters have no shape of their
// own, and the ledger refuses those in names.
package shown
