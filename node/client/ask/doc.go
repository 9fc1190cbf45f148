// Package ask asks queries: it compiles SQL, chooses the contract, signs and submits the
// request, waits for t sealed shares, opens and adds them, and makes the table (Query), or
// says what would be answered (Explain).
//
// Nothing is printed that was not checked: that the ledger decided on this verdict and these
// versions and took these shares (package audit), that the plan that follows from the verdict
// is the one the nodes computed by, that the parity adds up to 0 (*ParityError), and count
// and range of every figure. A query that was signed is kept until it is answered, where
// Options.Keep says so, so that it is charged once however often its program ends.
//
// An exact query over a private partition is tested here first, as the nodes will test it, on
// the public facts of package family, and is not asked where it would fail.
package ask
