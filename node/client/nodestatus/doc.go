// Package nodestatus is how the nodes of a cluster are, by their own word: each is asked for itself, without a quorum,
// and what is the matter with which is said.
package nodestatus
