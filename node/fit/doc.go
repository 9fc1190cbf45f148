// Package fit decides whether what a verdict asks for can be computed at all: whether
// the sums stay below half the plaintext modulus, the noise of the largest sum leaves
// it decodable, the plan is small enough to hold, and the test of a portfolio fits
// into what members send each other. It is asked before a query is proposed, by
// EXPLAIN, and again by every member before it opens.
//
// [Check] computes, statically, from the plan alone; [Refusal] and [Cohorts] tell a
// buyer what does not fit, with the numbers and how much less would.
//
// Of these, an overflow by sums alone cannot get here: package catalog refuses it
// first, by the rule magnitude, with a slightly lower limit (catalog.MaxSum). What is
// left are the tail of noise that a query carries and weights. Noise of the encryption
// does not run out either: the smudging is chosen so that he.MaxTiles tiles open,
// and no version has more (catalog.MaxTiles). Both are checked all the same, since
// a wrong figure would be the price of an oversight.
package fit
