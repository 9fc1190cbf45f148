// Package result makes a table of the opened sums of a query, and writes it as text, CSV
// or JSON. It runs at the client alone, on sums that only it can open ([NewTable]).
//
// Statistics are made of opened sums of centred readings, squares, products and counts
// of buckets (sql.Output.Form), in rational arithmetic, and rounded once; of two measures
// they are over the cells that both have. A group in which COUNT(*) would be 0 is not
// returned.
//
// No figure is returned that lies outside count × declared range, of buckets that do not
// hold every reading once, or of squares and products that no readings have: such a sum is
// a [*CheckError], and there is no table. Of a noised query the check allows for the noise
// and no more, and the table states it with each figure's 95 % interval. Private counts and
// weights are checked against public presence, weighted sums against weights × range.
//
// Groups of single periods may be joined to those of a part that comes again, such as the
// hour of the day (sql.Compiled.Cycles): their sums are added before anything is made of
// them. What has a withheld part is not returned.
//
// The query may have been compiled elsewhere, so its indexes and conditions are checked
// before they are used.
package result
