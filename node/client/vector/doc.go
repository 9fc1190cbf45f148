// Package vector is what the owner of a private vector does: it shares one among the nodes
// and has it checked (Register), lists and drops them, and makes the witnesses of a query's
// test (SealWitnesses). Nothing of a vector leaves the machine but sealed to the nodes.
//
// A node's word on a vector is not believed: which name stands for which vector is held
// against the owner's signed registration in the evidence log, and against the newest that
// this machine remembers (ErrForged). Which entities a partition has, and what its pieces
// are called, nobody knows but this machine, which keeps it sealed under the signing key.
package vector
