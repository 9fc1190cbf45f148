// Package catalog is the replicated state machine of Weir: principals,
// registries, datasets and their policies, keys and their ceremonies, versions,
// orders, contracts and queries. Log entries go in, state changes or a typed
// refusal come out. Everything that has to be decided the same way on every
// node is decided here, and nothing else is.
//
// # Determinism
//
// Two machines that apply the same entries in the same order hold the same
// bytes and answer with the same bytes. That follows from these rules, which
// tests enforce where they can:
//
//   - Nothing is read but the entry and the state. There is no clock (the time
//     is the entry's, made monotone), no randomness (ids are hashes of
//     envelopes), no I/O and no goroutine.
//   - No map is iterated. Maps serve for look-up only; whatever has an order is
//     a sorted slice or a range of ordered keys.
//   - There is no floating point.
//   - Records are encoding/json of structs without maps, so that their bytes
//     follow from their values. The machine runs on 64-bit platforms only.
//   - The memo of decoded tables is keyed by the digest of what was decoded, so
//     a hit and a miss give the same answer.
//   - SQL is never parsed here: a request arrives compiled and signed.
//
// # Invariants
//
//   - An entry that is refused changes nothing but the clock and the record of
//     envelopes that were seen (keys "clock", "seen/", "seen.until/"). A handler
//     writes into an overlay that is flushed only when it succeeds.
//   - An envelope takes effect at most once. While it is valid its digest is
//     kept, and the same envelope is answered with the first outcome; after
//     that it has expired. Forged envelopes are never recorded, so nobody can
//     use up another's.
//   - An envelope is bound to its signer and to the cluster inside the signed
//     bytes: neither can be exchanged.
//   - A publisher has at most one key, and a key is ready only when all nodes
//     of the roster committed, acknowledged, and signed the same statement.
//   - A dataset has at most one version on its way; a live version's bytes and
//     counting bitmaps never change.
//   - At most one attempt of a query completes, every attempt is counted
//     against the limit of the key before a share exists, and the shares of a
//     failed attempt are deleted.
//   - A registry's rows are only ever appended to; an entity's position and
//     attributes are for good.
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
// opaque sealed bytes of bounded length. Classes and private
// vectors (DESIGN section 8) are not part of it yet: policy goes as far as
// aggregates, grain and min_cohort.
package catalog
