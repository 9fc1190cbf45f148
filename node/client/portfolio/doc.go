// Package portfolio makes private vectors of a buyer's files: it lays a list of entities over
// a registry (Read), tests the query that it is meant for before anything is registered, and
// remembers which file was registered, as a keyed hash, so that the same file is not
// registered twice (Keep, Known): a changed portfolio is another selector, for which nothing
// is answered of what was answered for this one.
package portfolio
