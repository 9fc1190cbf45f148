// Package state is the replicated state machine of Weir: principals,
// registries, datasets and their policies, keys and their ceremonies, versions,
// orders, contracts and queries, as package catalog describes them. Log entries go
// in, state changes or a typed refusal come out. Everything that has to be decided
// the same way on every node is decided here, and nothing else is.
//
// # Determinism
//
// Two machines that apply the same entries in the same order hold the same
// bytes and answer with the same bytes. (TestTwoMachinesStayEqualWhateverComes draws
// entries at random for two machines, one of which is new with every entry.) That
// follows from these rules, which tests enforce where they can:
//
//   - Nothing is read but the entry and the state. There is no clock (the time
//     is the entry's, made monotone: TestClockNeverRunsBackwards), no randomness
//     (ids are hashes of envelopes), no I/O and no goroutine (TestImportsArePure).
//   - No map is iterated. Maps serve for look-up only; whatever has an order is
//     a sorted slice or a range of ordered keys (TestNothingDependsOnTheOrderOfAMap).
//   - There is no floating point.
//   - Records are encoding/json of structs without maps, so that their bytes
//     follow from their values. The machine runs on 64-bit platforms only.
//   - The cache of decoded tables, families and records is keyed by the digest of what
//     was decoded, so a hit and a miss give the same answer
//     (TestOutcomesAreTheSameOnAMachineThatJustStarted).
//   - SQL is never parsed here: a request arrives compiled and signed.
//
// # Invariants
//
// Each with why it has to hold, and the test that breaks without it:
//
//   - An entry that is refused changes nothing but the record of envelopes that
//     were seen and, where its envelope is genuine and valid at the entry's time,
//     the clock (keys "seen/", "seen.until/", "clock"): whoever is refused could
//     else write. A handler writes into an overlay (package overlay) that is flushed only
//     when it succeeds, and every test that applies an entry compares the state before
//     and after a refusal.
//   - An envelope takes effect at most once: the network, a client and a leader may
//     send it again. While it is valid its digest is kept, and the same envelope is
//     answered with the first outcome
//     (TestEnvelopeAppliedTwiceIsAnsweredWithTheFirstOutcome); after that it has
//     expired (TestOutcomesAreForgottenWhenTheEnvelopeHasLongExpired). Forged
//     envelopes are never recorded, so nobody can use up another's
//     (TestForgedEnvelopesAreRefusedAndDoNotUseUpTheGenuineOne).
//   - An envelope is bound to its signer and to the cluster inside the signed
//     bytes, since neither may be exchanged by who carries it
//     (TestStolenEnvelopesAreWorthNothing,
//     TestEnvelopeForAnotherTimeOrClusterIsRefused).
//   - A publisher has at most one key, and a key is ready only when all nodes
//     of the roster committed, acknowledged, and signed the same statement: else a
//     node could deal shares of a key that others do not have
//     (TestCeremonyEndsInAKeyThatAllNodesSigned, TestCeremonyStepsInTheirOrderOnly).
//   - A dataset has at most one version on its way (TestOneVersionAtATime); a live
//     version's bytes, counting bitmaps and news never change, because it settles by them
//     and plans are made of them long after (TestCountsArriveCompleteAndInOrder,
//     TestNewsArrivesCompleteAndInOrder).
//   - At most one attempt of a query completes, or a buyer could combine shares of
//     two openings (TestAtMostOneAttemptOfAQueryCompletes); every attempt is counted
//     against the limit of the key before a share exists, since a share that was
//     seen has worn it (TestAttemptsAreCountedAgainstTheKey,
//     TestKeyStopsBeforeItIsWorn); and the shares of a failed attempt are deleted.
//   - A registry's rows are only ever appended to; an entity's id and position are for
//     good: tiles, classes and vectors are addressed by position
//     (TestRegistryGrowsByAppendsOnly). Attributes are corrected as a whole or not at
//     all, and what they were is kept (TestACorrectionChangesAttributesAndNothingElse,
//     TestHalfACorrectionIsNeverSeen).
//   - A descriptor is amended only where nothing that was answered, granted or settled by
//     it becomes untrue; versions, verdicts and queries name the one that they follow
//     (TestAQueryIsAnsweredByTheDescriptorThatItWasDecidedBy). Nothing is taken of what
//     is withdrawn, which stays a source (TestNothingIsTakenOfAWithdrawnVersion).
//   - A query is charged in the entry that accepts it and no account is ever
//     overdrawn, whatever the order (TestQueryIsChargedOnceHoweverOftenItIsSent,
//     TestBudgetIsChargedExactlyAndRefundedWhenNoAttemptCompletes,
//     TestEpsilonNeverExceedsAnyBudget).
//   - A refusal by the policy, the contract or a limit names its rule and what would
//     pass (TestEveryPolicyRuleHasItsFix); for whoever previews a query the change was
//     tried (judge/suggestion.go, TestTheFixOfAGroupAcrossClassesPasses and those beside it).
//
// # Money and contracts
//
// DATA_MODEL.md (package node) sections 4.3, 4.4 and 9 have what is charged, given back and
// repeated. Whatever a query took of epsilon stays spent, and it stays counted, so that
// nobody can probe with queries that are made to fail.
//
// # The release rule
//
// What may leave exactly is decided by package disclosure, which has the rule and why
// it holds. Here is kept what it is decided on: the record of each family, all
// protected datasets of one publisher on one registry (family.go). No query changes a
// family, so what was asked before changes no answer
// (TestWhatWasAskedBeforeChangesNoAnswer).
//
//   - The first protected dataset founds the family and its tree; values of attributes
//     have numbers that never change (codes.go, TestCodesOfAttributesNeverChange), and
//     rows that are appended to the registry extend the trees of all families on it
//     (TestAppendedEntitiesBecomeAClassOnceTheyAreEnough).
//   - A dataset that contradicts its family is refused (familyadmit.go,
//     TestDatasetsOfAFamilyShareTheirProtection,
//     TestColumnsThatTieThemselvesToMomentsAreRefused), and so is one that RELEASE.md
//     section 3 takes for related to what it is not declared with
//     (TestARegistryThatSharesAnIDIsRefusedUnlessDeclaredUnrelated,
//     TestAPublicDatasetWithAProtectedMeasureIsRefusedUnlessDeclaredUnrelated).
//   - What a version settles is decided in the entry that makes it live, and kept; where it
//     contradicts presence, the version is rejected
//     (TestNewsThatPresenceContradictsRejectsTheVersion). A period is closed only by a
//     version that has its end, since a month is not settled by its first days
//     (TestPeriodsThatAreNotCompleteAreNotAsked).
//   - A family is decoded once and kept by the digest of its record. What is kept is
//     read by many at once and never changes: Apply works on a clone.
//
// The attacks in attack_test.go and the histories of
// TestNothingIsDerivedOfFewEntitiesWhateverIsAsked are searched by exact elimination for
// a combination of figures that says something of fewer than min_cohort entities; where
// nothing is protected each attack and most histories have one. A contract may ask for
// larger groups (TestAContractAsksForLargerGroups); that withholds single figures and
// bounds no difference. RELEASE.md section 10.2 has what is taken here where the rule
// leaves two readings, and the test of each; section 11 what is not promised.
//
// # Portfolios
//
// A private vector (vectorcheck.go, PROTOCOL.md section 6) is a commitment in the ledger and
// nothing else. It gets one challenge: a second one for the same masks would be a second
// equation in them, so a registration that fails cannot be run again, and no sealed share
// is ever named twice. Places are in places.go (RELEASE.md section 6.5). A failed test gives
// back the places that it took (testfail.go), and never the price.
//
// # Failure
//
// Bad bytes, bad signatures and acts out of turn become a [catalog.Refusal] inside
// the [catalog.Outcome]; they never make Apply fail and never panic. Apply returns an error
// only when the store does, and then nothing of the entry may be kept.
//
// # Noise
//
// Epsilon is paid, from one account per contract and one per family over all buyers, when
// an attempt is named and not before: naming is what may show somebody a number. An attempt
// that either account cannot pay is not named and ends its query, so no account ever exceeds
// its limit, whatever the order of entries. The noise itself is the nodes' work (PROTOCOL.md
// section 8); the machine never sees it.
//
// # What it does not do
//
// It never sees a ciphertext: tiles, manifests and presences are blobs that it
// knows by digest, checked by the nodes that acknowledge them. Shares are
// opaque sealed bytes of bounded length, and so are those of private vectors.
package state
