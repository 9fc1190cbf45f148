// Package deposit leaves a node's share with custodians, people whom its institution names, some of
// whom recover it together and fewer of whom learn nothing of it.
//
// A deposit is one file. Its first line is a head in JSON, which the node has signed and which everybody
// can read: of which cluster, node and machine it is, when it was made, of which shares of keys, and who
// the custodians are. Behind it is what nodeshare.Export wrote, encrypted with age to nobody but the
// custodians together.
//
// The secret that opens it is five random numbers modulo a prime of 59 bits. Each is shared among the
// custodians as Shamir has it, with the arithmetic that the ledger checks private vectors with
// (catalog/polynomial); the key of the file follows from them by HKDF. A custodian's piece are the values
// at its point. It is encrypted with age to the custodian's key, which has to be a post-quantum one: a
// deposit lies around for years. The head has a hash of each piece (its commitment), so that a wrong
// piece is named, and by whom it is. The hash hides the piece: fewer pieces than the threshold leave it
// 295 bits of which nothing is known. Commitments from which anybody could check a piece without it being
// opened (Feldman's) would be of discrete logarithms, and no good against a quantum computer.
//
// To recover, each custodian opens its own piece and encrypts it anew to a key that was made on the
// new machine (Piece.Seal); so no custodian learns another's piece, and whoever only has the files learns
// nothing. The machine that is made of a deposit keeps a mark of that (FileMark), by which the node writes into
// the ledger that the deposit was used. It is burned then: the pieces have been in one place, and another
// machine that is made of it would be a second node under the same name. That one stops when it reads so.
//
// What is not promised: custodians who are as many as the threshold, and have the file, are the node, and
// nobody notices while they make no machine of it. A deposit is as old as its shares: see
// custody.Standing of package catalog/custody.
package deposit
