// Package operator has the commands of those who run nodes: keys, organisations, the
// state of a cluster's nodes, and the node itself.
package operator
