// Package catalog is the vocabulary of Weir's log: what an entry may say, what the
// state holds, and what a query is answered with. It has
//
//   - commands (command.go), their signed envelopes and the bytes of the log
//     (envelope.go, strictjson.go);
//   - descriptors of datasets, their policies and the checks of both;
//   - requests in canonical form, their checks, and the columns that they open;
//   - records of the state: registries and their tables, versions, keys, orders,
//     contracts, queries, private vectors;
//   - verdicts, refusals, outcomes, statements;
//   - what these are made of: periods and grains, predicates, digests, amounts of
//     money and of epsilon, packed assignments, limits.
//
// Package judge decides on queries, and package state applies commands to records. Clients,
// nodes and the planner of queries use this package, and need those only where they read
// the state. The states of each record, and which entry moves it, are drawn in
// DATA_MODEL.md (package node).
//
// # Invariants
//
//   - It imports nothing of ours and does no I/O. Nothing depends on a clock, on
//     randomness, on floating point or on the order of a map (TestImportsArePure,
//     TestNothingDependsOnTheOrderOfAMap): every node and every client gets the same
//     bytes and the same answers from the same values.
//   - Records are encoding/json of structs without maps, so that their bytes, and what
//     is signed or digested of them, follow from their values. What comes from outside
//     is read strictly: unknown, repeated and differently written fields are errors
//     (strictjson.go).
//   - A request has one form: equal questions are equal bytes (TestStatisticsAreCanonical;
//     package tables holds predicates to it). SQL rides along and is never parsed here.
//
// # Failure
//
// A value that is malformed or inconsistent is a [Refusal], which names the field. Bytes
// that cannot be read are an [UnreadableError]. Both say why by a [Reason]: a code, names
// and numbers, and no sentence, because what is refused is recorded and digested by every
// node. Package explain has the sentences, and what would be right.
//
// # What it does not do
//
// It decides nothing that depends on the state: who may do what, and what may be
// released. It never sees a ciphertext or a share: those are named by their digests.
package catalog
