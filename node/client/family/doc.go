// Package family reads the state of the release rule for a dataset's family: its datasets,
// the tree of classes, what versions settled, and which cells versions have (Cells). By it
// publishers find what is new, and buyers what passes a test; Answerable tells what can be
// answered of a dataset.
//
// Nothing signed proves a family's record, so as many nodes must tell the same that an honest
// one is among them (*DiffersError). Trees, settled versions and presences are held
// against the digests that the record and the ledger name.
package family
