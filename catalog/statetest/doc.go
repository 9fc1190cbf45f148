// Package statetest has what tests of the state and of judging have in common:
// descriptors, rows and requests of one small dataset, and what a refusal must say.
package statetest
