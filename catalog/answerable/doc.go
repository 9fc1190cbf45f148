// Package answerable says what can be answered exactly of a protected dataset: how
// much of the groups of each level is covered, which classes were joined and what goes
// with them, what each column loses and why, which corrections are held back, and what
// random private lists would get (RELEASE.md section 12).
//
// It decides nothing. Everything is asked of the release rule (catalog/disclosure) that
// the nodes run, so a report is of the live state when it is given the cluster's
// settled versions, and of what would be when it is given what Settle makes of a file
// on the publisher's machine. Only the reasons why a class is in no unit are worked out
// here, from the same facts; no figure depends on them.
//
// Like the rule it is a pure function: no clock, no randomness (its lists follow from a
// hash), no order of a map, no floating-point number. It fails when the facts
// contradict each other: a column or version that the family does not have, codes of
// another number of entities.
package answerable
