// Package publish is what a publisher does with a cluster: it reads a dataset's files
// (Prepare, PrepareAppend), says beforehand what the nodes will say (CheckListing, Foresee,
// FindNewness, FindUnrelated, Dominance), and publishes versions (Publish), registries and
// corrections of their attributes, amendments and withdrawals.
//
// Readings leave the machine encrypted only, under a key whose making was checked first
// (client.ReadyKey); beside tiles leave which cells are present, per period of the policy's
// grain which entities count, and of whom a version says something new.
//
// A publication may break off at any step and is taken up by the same command: tiles stay in
// the spool until their version is live. What later publications need, the readings, how the
// files are read and which version is under way, is kept on this machine before the version
// is proposed, sealed under the signing key (package sealed): nothing can be proposed of
// which this machine has no record. Without client.Options.Spool nothing is kept.
//
// It is cut from the client because nobody else touches plaintext readings, and it needs of
// the client no more than requests, reads and the key.
package publish
