// Package operator has the commands of those who run nodes: keys, organisations, the
// founding of a cluster, the state of its nodes, and the node itself.
package operator
