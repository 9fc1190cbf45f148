// Package checked says under which sets of nodes a checked answer is opened, and what comes of
// comparing what they say (compute/he/PROTOCOL.md section 3.7). A leader names the members of an
// attempt only: the state machine, the members and whoever asked derive the sets and their roots
// here, so none of them can leave out the set that would convict somebody.
//
// Answers to a query with weir query --verify are such.
package checked
