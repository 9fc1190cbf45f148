// Package disclosure is the release rule: which exact figures of a protected
// dataset may leave, decided from public facts alone (RELEASE.md). Every node
// and every client runs it on the same facts and gets the same answer: who has
// cells (Cells), what a version declares to be new (SourceNews), the policy
// (Dataset), and the registry's attributes. No query changes what another query
// may get, and there is no history of queries in it.
//
// # What it does
//
// A Tree puts the entities of a registry into classes (Grow, Extend). A Family
// holds the datasets of one publisher on it (Admit) and what their versions
// settled (Settle, Add): for each column, version and period the units, sets of
// classes that are summed together, and the older units that are chosen where
// nothing is new. Choose and Answer say what a query's groups take of that and
// how much of them it covers, JoinSets what a product of two publishers may be
// summed over, and Test makes what an exact query with a private partition has
// to pass. FindNews is the publisher's side: it finds out what is new.
//
// Everything is a pure function in memory: no clock, no randomness, no I/O, no
// order of a map, no floating-point number, no goroutine. Settled, Source, Tree
// and Test never change once they are made; a Family grows by Admit, Grow and
// Add and is otherwise only read, also by many at once. Bitmaps that are handed
// in or out are shared: nobody changes them.
//
// Errors are typed where a caller decides on them, and carry codes and numbers:
// *Conflict (the dataset or version may not be), *DeclarationError (what the
// publisher declares contradicts presence), *WithdrawnError (no figure as of
// that version), *PairsError and *UnsettledError (a join as of versions that are no pair
// of the ledger). Bytes that Encode did not write are errors too.
//
// It does not know contracts, prices, noise, or who asks; whose portfolio has
// the place of a column and period; which datasets list each other under joins;
// whether ids of registries overlap. That is kept in catalog/state.
//
// Why the rule holds, what each part of it is for, which test fails without it, and which
// reading is taken where RELEASE.md leaves two, are its sections 8, 9 and 10.1.
package disclosure
