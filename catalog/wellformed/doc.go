// Package wellformed says what is wrong with the body of an entry as it stands, beside the records
// that it names: with the announcement of a version beside its dataset's descriptor, with rows
// beside their registry's columns, with the commitment to a private vector.
//
// # Invariants
//
//   - It reads no store, and is as pure as package catalog (TestImportsArePure).
//   - What it refuses it refuses with the first thing that is wrong, in the order of the body, so
//     that all nodes word the same refusal.
//
// # What it does not do
//
// It decides nothing that depends on the ledger (versions, owners, what was used before): package
// state does, after these checks.
package wellformed
