// Package plantest draws small datasets in plaintext with verdicts on them, computes plans
// on them as nodes do on ciphertexts, and adds up the same cells in plain loops. Tests of
// plans and of results compare the two.
package plantest
