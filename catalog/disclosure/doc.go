// Package disclosure is the release rule: which exact figures of a protected
// dataset may leave, decided from public facts alone (RELEASE.md). Every node
// and every client runs it on the same facts and gets the same answer: who has
// cells (Cells), what a version declares to be new (SourceNews), the policy
// (Dataset), and the registry's attributes. No query changes what another query
// may get, and there is no history of queries in it.
//
// # What it does
//
// A Tree puts the entities of a registry into classes (Grow, Extend). A Family
// holds the datasets of one publisher on it (Admit) and what their versions
// settled (Settle, Add): for each column, version and period the units, sets of
// classes that are summed together, and the older units that are chosen where
// nothing is new. Choose and Answer say what a query's groups take of that and
// how much of them it covers, JoinSets what a product of two publishers may be
// summed over, and Test makes what an exact query with a private partition has
// to pass. FindNews is the publisher's side: it finds out what is new.
//
// Everything is a pure function in memory: no clock, no randomness, no I/O, no
// order of a map, no floating-point number, no goroutine. Settled, Source, Tree
// and Test never change once they are made; a Family grows by Admit, Grow and
// Add and is otherwise only read, also by many at once. Bitmaps that are handed
// in or out are shared: nobody changes them.
//
// Errors are typed where a caller decides on them, and carry codes and numbers:
// *Conflict (the dataset or version may not be), *DeclarationError (what the
// publisher declares contradicts presence), *WithdrawnError (no figure as of
// that version), *PairsError and *UnsettledError (a join as of versions that are no pair
// of the ledger). Bytes that Encode did not write are errors too.
//
// It does not know contracts, prices, noise, or who asks; whose portfolio has
// the place of a column and period; which datasets list each other under joins;
// whether ids of registries overlap. That is kept in catalog/state.
//
// # Why it holds
//
// Take any combination of exact figures that is not zero as a form in the
// readings. Among the sources in which some coefficient is not zero take the one
// that settled last, and in it a unit with a coefficient that is not zero. Units
// of one source are disjoint and a group takes them whole, so the coefficient is
// the same for all its entities. At least k of them have there a reading that is
// independent of all their comparable readings released earlier; nothing later
// has a coefficient; so the form is not zero on each of those k.
//
// With portfolios: take the private figure with a coefficient that is not zero
// whose last version that changed anything for its piece settled last. No other
// figure contains that version's units for these entities: older ones cannot,
// newer ones have coefficient 0, and there is one list, with groups and pieces
// that are disjoint. In each of its mixed units the coefficient is β for those
// in no piece and β + γ on the piece, γ ≠ 0: not both are zero, so the form has
// somebody with news in each, or k where both sides have k: k in all. If a
// source that settled later has a coefficient, it is β alone, and the case
// before holds. A test of several sources at once stands on units that are the
// same in all, with those who have news in all, and on everybody whom any of
// them moved: it passes only where each source's own test does.
//
// Assumed: news of an entity in several sources is independent jointly; squares
// and products are unknowns of their own, which p·k pays for.
//
// # What each condition is for
//
// The parts that can fail alone are fields of conditions, which tests replace (RELEASE.md
// section 9 has them by section).
// PublicFigures… and PrivateFigures… below stand for
// TestPublicFiguresIsolateSomebodyOnceAConditionIsOff and its private twin, in
// which a family of a few entities, written down, isolates somebody once the
// condition is off and nobody before; TestEachConditionProtectsSomebody finds
// the same in families drawn at random.
//
//   - Fewer than k with news make no unit: PublicFigures…/fewer_than_k.
//   - News counts, not presence: PublicFigures…/who_counts_has_news.
//   - Related columns are compared: PublicFigures…/related_columns.
//   - Periods are compared along chains: TestEachConditionProtectsSomebody/
//     comparing_literally. First needs no chain, FindNews does.
//   - Only a unit by itself is chosen for an equal class:
//     PublicFigures…/a_class_equals_a_version_in_which_it_was_joined.
//   - A group takes units whole: PublicFigures…/a_group_takes_a_part.
//   - Squares and products need p·k: TestSumsAndSquaresOfAFewTellTheirReadings.
//   - Both sums have a product's class in the same versions:
//     PublicFigures…/a_product_of_a_class_whose_sums_are_of_other_versions.
//   - Few entities with one of two measures keep a class out of their product:
//     PublicFigures…/a_product_leaves_out_one_who_lacks_a_measure.
//   - News of a product is on the pair of its factors, or p·k were only k:
//     TestNewsOfAProductIsOnThePairOfItsFactors.
//   - A join's set has the same entities on both sides:
//     TestAJoinOfAllButOneTellsOfThatOne.
//   - News of a join is on the pair of its factors too; a set of an older pair is summed
//     of the cells of that pair; pairs are those of the ledger:
//     TestEachConditionOfJoinsProtectsSomebody, and of the last
//     TestAProductOfTwoPublishersInPairsOfVersions.
//   - Both sides of a piece have news, PrivateFigures…/one_side; a unit
//     counts k only with k on each, PrivateFigures…/a_unit_counts_k; the
//     other side is who is in no piece, TestEachConditionProtectsSomebody/
//     everybody_but_the_piece.
//   - Only units of the version itself count: PrivateFigures…/units_of_older.
//   - Without enough of them nothing may have changed for the piece:
//     PrivateFigures…/a_change_for_the_piece_is_no_change.
//   - Groups of a commitment are by attributes at birth, and one commitment has
//     one grouping: TestEachConditionProtectsSomebody/groups_that_move and
//     /two_groupings. The second is kept outside of this package.
//
// # Readings
//
// Where RELEASE.md leaves two readings, its section 10.1 says which one is taken, and names
// the test that tells them apart: the stricter one where they differ in what is released.
package disclosure
