// Package buyer is what a desk does for those who ask: it finds and shows datasets, explains and asks queries, keeps
// what was answered, and orders. Its routes are by one person on one machine (Routes); who may call them is package
// desk's.
//
// A query that is under way is a job of the process, not of the page that began it: it goes on when the page is
// gone, and the same question joins it (jobs.go). What was answered is in the person's own store (package ask), sealed
// under the key, and is read again from there; a desk holds no figure of its own beside it.
//
// Close ends what is under way and waits for it; the ledger has what was asked, and the same question takes it up.
package buyer
