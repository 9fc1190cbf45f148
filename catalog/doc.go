// Package catalog is the replicated state machine of Weir: principals,
// registries, datasets and their policies, keys and their ceremonies, versions,
// orders, contracts and queries. Log entries go in, state changes or a typed
// refusal come out. Everything that has to be decided the same way on every
// node is decided here, and nothing else is.
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
//   - The memo of decoded tables is keyed by the digest of what was decoded, so
//     a hit and a miss give the same answer
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
//     else write. A handler writes into an overlay that is flushed only when it
//     succeeds (TestOverlayIsWhatTheStoreWillBe), and every test that applies an
//     entry compares the state before and after a refusal.
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
//     version's bytes and counting bitmaps never change, because classes are judged
//     by them and plans made of them long after (TestCountsArriveCompleteAndInOrder,
//     TestDigestsTellChunksAndCellsApart).
//   - At most one attempt of a query completes, or a buyer could combine shares of
//     two openings (TestAtMostOneAttemptOfAQueryCompletes); every attempt is counted
//     against the limit of the key before a share exists, since a share that was
//     seen has worn it (TestAttemptsAreCountedAgainstTheKey,
//     TestKeyStopsBeforeItIsWorn); and the shares of a failed attempt are deleted.
//   - A registry's rows are only ever appended to; an entity's position and
//     attributes are for good: tiles, classes and vectors are addressed by position
//     (TestRegistryGrowsByAppendsOnly).
//   - A query is charged in the entry that accepts it and no account is ever
//     overdrawn, whatever the order (TestQueryIsChargedOnceHoweverOftenItIsSent,
//     TestBudgetIsChargedExactlyAndRefundedWhenNoAttemptCompletes,
//     TestEpsilonNeverExceedsAnyBudget).
//   - A refusal by the policy, the contract or a limit names its rule and what would
//     pass (TestEveryPolicyRuleHasItsFix); for whoever previews a query the change was
//     tried (suggestion.go, TestTheFixOfAGroupAcrossClassesPasses and those beside it).
//
// # Money and contracts
//
// A query is counted and its price charged in the entry that accepts it, in
// exact decimals, or it is refused and nothing is. When none of a query's
// attempts completes, the price is given back and nothing else: the query stays
// counted and whatever it took of privacy stays spent, so that nobody can probe
// with queries that are made to fail. A repeat of a released query (same
// principal, same request, same version) gets the stored verdict, cuts nothing,
// is not counted, and costs the price. A suspension or revocation holds from the
// next entry on; a query that was accepted before completes. A contract names no
// version: new versions and more periods come under it by themselves.
//
// # The class rule
//
// DESIGN section 8, points 1 to 5: partition.go holds the state, coverage.go who
// counts, cellsets.go and celltests.go who differs, classes.go what contributes,
// cutting.go point 3, cohort.go and joincohort.go verdicts, moments.go and side.go
// point 5, family.go and kinship.go what is stored when.
//
// Let k be min_cohort. Whoever holds every exact figure that was ever released of a
// family, and adds and subtracts them with any coefficients, obtains nothing but
// combinations of class sums: sums over all entities of one class that have a cell,
// of one measure, one period of the policy's grain and one version, in which at
// least k entities count. And what it obtains, if it says anything of anybody, says
// something of at least k entities.
//
// Why, with one version:
//
//  1. A verdict releases, of a measure and a period, unions of whole classes that
//     contribute there (cohort.parts, cohort.statistic). So every figure is a sum of
//     class sums of the partition as it was then.
//  2. The partition is only ever refined (classes.replaced is the only way to
//     another one), so a class of then is a union of classes of now, and its sum the
//     sum of theirs. A part of a class that contributed either contributes too or
//     has no cell there (classes.fits: need is where the class has k counting
//     entities, a superset of where it contributes). So every figure ever released
//     is a sum of sums, of classes of now, each with k counting entities or empty.
//  3. Sums of different classes, measures or periods are of different readings. So
//     in any combination every class sum either cancels or is there with all its
//     entities: k of them, each present in half of the period's cells or more.
//
// Appended entities do not spoil this: they enter the pool alone, and a figure of
// the pool from before has no cell of them. Classes are cut only by queries that are
// accepted, and by the cubes when a version goes live, before anything of it can be
// asked: cutting is safe whenever it happens, by 2.
//
// Why, with several versions, and measures that tell of the same cells:
//
// Now the same readings occur in several sums: in versions of one dataset, in
// measures declared as related, in datasets of the family with a measure of the same
// name and unit (kindred). Let s_1, s_2, … be these sources in the order in which
// they went live. A class contributes to s_n in a period only if, against every
// earlier one,
//
//   - the patterns, sets of its entities that have cells in the same ones of s_1 …
//     s_n, are each empty or of at least k entities (patternsOf), and
//   - the cells that changed, and those of each pattern, are none, or there are at
//     least k entities of the highest level of how many (declared).
//
// Let a combination with coefficients α_1 … α_n of one class's sums say something of
// entity z, which has cells in the sources P. If Σ_P α ≠ 0, the same holds of all
// entities of z's pattern, and each of them has a reading whose coefficient is not 0:
// k entities. If Σ_P α = 0, then z's reading changed between two sources of P, i and
// the next, j, with Σ_{P, ≤ i} α ≠ 0; whoever of the pattern changed between i and j
// has a reading with a coefficient that is not 0, and that is at least k entities.
// (A reading that takes an earlier value again is the exception: the comparison of
// every pair of versions covers what two of them give, not what four give.)
//
// DESIGN asks for the comparison of pairs alone. That is not enough: of versions that
// hold A ∪ {z}, A ∪ B and B, any two differ in k entities, and the first minus the
// second plus the third is z. Hence the patterns.
//
// What was not compared is taken for the worst: a class that has any cell in an
// earlier source does not contribute to the later one in that period.
//
// The random histories of TestNothingIsDerivedOfFewEntitiesWhateverIsAsked, and the
// attacks beside it, are searched by exact elimination for a combination that says
// something of fewer than k entities; without the rule most of them have one.
//
// Sums over the common cells of two measures (joint.go) are figures over parts of a
// class: of the patterns of presence of all measures that products tie together,
// directly or not, in all versions. A joint statistic takes a class only where each
// pattern is empty or has p·k entities, and so have its cells that changed; from then
// on cuts of that class keep it so, and its plain sums are held to the same. Where a
// period of the policy has several of the dataset, the two must have the same cells,
// and the joint sums are the plain ones.
//
// Moments: sums of different measures are equations in different unknowns and do not add up
// to more: p is 1 while nothing but sums was released. A square or a product ties the
// columns together, and then all exact columns of the class and period count
// (burdens.weight).
//
// Where it is stricter than it had to be:
//
//   - Levels: of the entities with differing cells those count that lie within the
//     same power of two as the one with most, not within its half.
//   - Cuts ask a part to have k counting entities wherever the class has, also where
//     the class does not contribute because of other conditions.
//   - Of the periods in which a column of a class was released only the hull is kept.
//   - Presence across grains is compared in the coarser of the two grains, and a
//     difference closes all finer periods in it.
//   - More than 64 patterns close a period.
//
// Not promised: dominance and extreme sums: one entity may make up nearly all of a class sum. The
// churn of public presence, counts and attributes. What entities know of themselves,
// or anybody of k−1 of them. What others asked for, as far as the partition tells it
// through the numbers of entities that are included. That presence matches the
// ciphertexts, and that corrections are named: both are the publisher's word about
// its own data. Patterns of presence across different grains are compared pair by
// pair only. Two registries of one publisher are two families, also when they list
// the same companies.
//
// # Portfolios
//
// A private vector (vector.go, PROTOCOL section 6) is a commitment in the ledger and
// nothing else: its owner's envelope names the digests of the sealed shares. It may be
// named by queries when every node holds its share, all shares lie on one polynomial
// and every entry is 0 or 1 (vectorcheck.go). A commitment gets one challenge: a second
// one for the same masks would be a second equation in them, so a registration that
// fails cannot be run again, and no sealed share is ever named twice.
//
// An exact query with a selector is judged by the class rule, and freezes the classes
// that it releases for the selector's commitment: they are never cut again, and no other
// selector is answered with them (freezing.go). The nodes then test that in every class,
// column and period, and in every set of point 4 there, the selected and the others are
// each none or k at least (cohortsets.go), before anything is opened. So whoever holds
// all exact figures holds, of a frozen class, combinations of two sums: that of the
// selected and that of the others, in each column and period of k entities or none, and
// it is as if the class had been cut in two by somebody who does not tell where. The
// proof above goes through with these two in its place, since nothing ever takes a part
// of either. Who was told how often does not matter: further columns, periods and
// versions are tested on their own.
//
// The test opens one bit, and only to the owner's harm: a query that fails it is over,
// and its classes are as free as before. A class is free only when every query on it
// has failed its test; what died in another way leaves it frozen, since its answer may
// have been seen. Where portfolios is above 1 that is the publisher's written trust that
// so many owners do not pool their answers.
//
// Classes of which moments were released are left out of private queries, and no moment
// is released of a frozen class: how many of its entities a selector tells apart is not
// known here. Neither is the pool ever answered for a selector.
//
// Private weights are released with noise only.
//
// # Failure
//
// Bad bytes, bad signatures and acts out of turn become a [Refusal] inside the
// [Outcome]; they never make Apply fail and never panic. Apply returns an error
// only when the store does, and then nothing of the entry may be kept.
//
// # Noise
//
// A request for a noised answer is paid for in epsilon, from one account per
// contract and one per family over all buyers, when an attempt is named and not
// before: naming is what may show somebody a number. An attempt that either
// account cannot pay is not named and ends its query, so no account ever exceeds
// its limit, whatever the order of entries; and nothing is given back, since a
// failed attempt may have been seen by some. Amounts are exact decimals. Such a
// query needs min_cohort entities in each of its groups and is bound by nothing
// else. The noise itself is the nodes' work; the machine never sees it.
//
// # What it does not do
//
// It never sees a ciphertext: tiles, manifests and presences are blobs that it
// knows by digest, checked by the nodes that acknowledge them. Shares are
// opaque sealed bytes of bounded length, and so are those of private vectors.
package catalog
