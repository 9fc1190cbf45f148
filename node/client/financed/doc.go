// Package financed asks for the financed emissions of a loan book (package pcaf of compute has
// the arithmetic): it finds the book's borrowers in a registry, sorts them into private pieces
// by attribution factor and has the nodes sum the emissions of each piece exactly; or, with
// noise, has them weigh the emissions by the factors. No node learns who borrows or how much.
//
// Ask and Try decide alike how a book is asked about, by tests on this machine; Try stops there, and
// tells what would be registered, released, paid and told.
//
// A month of a measure is answered exactly for one list of an owner's, ever. So the pieces of a
// book are registered once, for the same book again nothing is, and the test that the nodes
// will make is made here before: where as many pieces as possible would fail it, fewer are
// tried, down to one. Where the registered list fails for another period, fewer pieces become a
// list of their own, NAME_N of N pieces, and the first one stays for the periods that it has.
package financed
