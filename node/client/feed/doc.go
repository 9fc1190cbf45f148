// Package feed publishes what comes all the time: readings that devices send (HJ 212), lines,
// files of a directory, rows of a table. FEED.md beside this file says how it is configured,
// what of the protocols it knows, and what it guarantees.
//
// A source hands readings to a Feed, which maps devices to entities and codes to measures,
// and keeps them in a spool before the source may tell anybody that it has them. When a
// period has ended and its lateness is over, its cells are made of the readings by the
// declared rule and appended to the dataset (package publish). What comes or changes later is
// appended by the declared schedule, as a correction. Nothing is dropped in silence: whatever
// is not published is counted by kind (State), and what is not as the configuration says stops
// the feed with the difference (*ChangedError), where the configuration does not say that it is
// to be passed over.
package feed
