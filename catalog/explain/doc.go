// Package explain says to people, and to other systems, what the catalog holds in
// codes and numbers:
//
//   - of refusals, and of reasons why versions, queries, keys and vectors have failed,
//     sentences, and what would pass instead: one table of codes (sentences*.go), which
//     also has those of refusals that only a client or a node makes;
//   - of a policy, field by field, sentences and ODRL expressions.
//
// Sentences are in English or Chinese (Language): every code has one in both, of the same
// arguments (TestEveryCodeIsSaidInBothLanguages). The functions that take no language say
// it in English. The tables are made when the first sentence of their language is said.
//
// Two binaries that word things differently must stay one cluster, so nothing that
// is replicated depends on a sentence: packages that apply entries never import
// this one (TestWhatIsReplicatedKnowsNoSentences), and every outcome is the same with
// other sentences (TestWhatIsReplicatedDoesNotDependOnSentences). A code stands for one
// sentence for good; the sentence may be bettered, and its arguments may not change.
// Every code that is used has its sentence (TestEveryCodeHasItsSentence).
//
// It reads descriptors that were checked, and cannot fail: of fields that mean
// nothing there it says nothing, and a code that it does not know, of a newer version,
// it tells as it is. It decides nothing; what a policy releases is the release rule's.
package explain
