// Package he is Weir's cryptographic core: tiles of encrypted numbers under a
// key that t of n nodes hold together, their sums, and the opening of a sum into
// additive shares. It is the only package that imports lattigo, and at its
// boundary there are only bytes and integers. PROTOCOL.md beside this file has every step
// with its argument, the attacks that broke earlier designs, and the test of each; what it
// takes is in BENCHMARKS.md.
//
// # What happens here
//
// The n nodes of a roster make a key (Dealer, CombineDealings,
// CombinePublicShares), one per publisher, without anybody ever holding the
// secret. A publisher encrypts readings (Encryptor), 8,191 to a tile. Nodes add
// stored tiles (Accumulator); nothing else is ever computed on publishers'
// ciphertexts, so there are no evaluation keys. An active set of exactly t nodes opens an
// accumulator (NodeKey.Contribute, NodeKey.Combine): each gets numbers mod T,
// slot by slot, which are uniform on their own and add up to the sums. Each folds
// its own by a slot map (Parameters.Fold); the buyer adds the folded ones
// (Parameters.AddMod) and centres them (Parameters.Centre).
//
// # Why an opening is safe
//
// A contribution is c1·s_i, hidden three ways. M_i, uniform mod T, is the node's
// share of the plaintext. e_i, uniform in ±B, drowns the noise, which depends on
// the key. Z_ij, uniform mod Q, cancels between two members: without it,
// contributions under different active sets are small multiples p/q of one
// secret, 1/q mod Q is huge, and smudging covers nothing (the test
// TestMasksStopTheKeyRecovery recovers a key from two openings). With one member
// besides the root there is no Z, which is why a contribution goes to the root
// alone: the root knows the sum anyway, anybody else must not. All randomness is
// a function of a secret and Opening.Context, a hash of everything that makes an
// opening different from another, so a repeat tells nothing new.
//
// # Products and private vectors
//
// What is more than a sum is computed on shares, by members of an active set that
// talk to each other: Product multiplies two shared vectors, PrivateSum cells by a
// buyer's private vector, BitCheck and VectorShare.LineValues check a vector when
// it is registered, and PieceTest says whether a private partition may be used and
// opens nothing else, with witnesses that its owner adds (PieceWitnesses,
// DealWitnesses). Each of them is one member's part, driven by messages: send what
// Start and Receive return, hand to Receive what arrives, until Done. Underneath is
// one primitive, oblivious linear evaluation under a BGV key that is drawn for one
// request, used once, and unrelated to any other key (product_ole.go has the
// argument). DealVector and ParseVectorShare are the two ends of a private vector,
// Shamir-shared mod T.
//
// The noise of an answer is flooded and its c1 blinded by a fresh encryption of
// zero; the tests TestFloodingHidesTheFactor and TestEncryptionOfZeroHidesTheFactor
// recover a member's numbers when either is left out.
//
// # Invariants
//
// Each with why it has to hold, and the test that breaks without it:
//
//   - A node contributes only to an accumulator it computed itself, or whoever sends
//     it a ciphertext has a decryption oracle: Contribute and Combine take the
//     Accumulator and compare its digest with the opening's
//     (TestOnlyTheOwnAccumulatorIsOpened, TestShareOfAnotherOpeningIsRefused).
//   - An active set is a sorted list of exactly t distinct points of 1..n: lattigo's
//     combiner does not complain about others and answers wrongly
//     (TestActiveSetsAreSortedDistinctAndExact). At the Shamir point 0 a share would
//     be the secret (TestPointZeroIsRefused).
//   - Every object from outside has one fixed length, a version, and coefficients
//     below their primes (wire.go, TestMalformedBytesAreRefused). Lattigo's own
//     decoders are never called: they overflow the stack on truncated input and
//     accept anything else (TestLattigosDecodersAndEvaluatorsAreNeverCalled).
//   - Noise fits by construction: NewParameters refuses what does not open
//     exactly at MaxTiles tiles, and an Accumulator takes no more; a sum with more
//     noise would come out wrong and nothing would say so (TestEdgeOfTheBoundIsExact,
//     TestOneBitOfSmudgingTooMuch, TestMeasuredNoiseStaysWithinTheBound). Magnitude is
//     the planner's to check, with Parameters.CheckLoad; a sum beyond ±(T−1)/2
//     wraps around silently (TestOverflowWrapsAround,
//     TestLoadBeyondThePlanIsRefusedWithNumbers).
//   - Smudging is uniform over its whole width: lattigo's Gaussian is not, at widths
//     that matter (TestSmudgingIsUniformAtEveryWidth,
//     TestLattigosGaussianIsUnfitForSmudging).
//   - Scale is 1 everywhere, and collective keys only ever add. A product's answer
//     is masked at scale 1 and only then switched to fewer primes, which changes
//     the scale; its decryption knows (TestMaskAtScaleOneIsWrongAfterTheSwitch).
//   - A throw-away key decrypts one answer, and a request is answered once: two
//     answers under one key are two equations in one factor
//     (TestKeysAndAnswersAreUsedOnce, TestRandomnessIsNeverRepeated).
//   - Nobody's share leaves a product, a private sum or a test as it was: every pair
//     of members has a fresh ρ, so results are uniform subject to their sum
//     (TestResultSharesAreUniformSubjectToTheirSum).
//   - What a check opens is multiplied by a fresh random number of all members first, or
//     one that adds δ to its share of a number reads the number from it
//     (TestRhoHidesAnEntry, TestRhoHidesWhatAShiftedShareWouldOpen).
//   - Members of a piece test have the same structure and challenge, or do not compute
//     together (TestMembersWithOtherStructuresDoNotCompute).
//   - Everything that has buffers is used by one goroutine at a time: Encryptor is
//     the caller's (ShallowCopy), the rest takes pooled scratch or a lock, and is
//     safe for concurrent use (TestConcurrentUse, TestConcurrentAdditions).
//
// # How it fails
//
// With an error that wraps one of the sentinels in errors.go, or *NoiseError or
// *OverflowError with the numbers. A panic of lattigo becomes ErrInternal. A
// wrong key, a damaged tile or a damaged contribution do not fail here: they show
// as a parity (Parameters.Parity) that does not add up to 0.
//
// # What it does not do
//
// It keeps nothing, sends nothing and logs nothing. It does not count openings
// per key (MaxOpenedTiles is the ledger's to enforce), does not decide whether
// something may be opened, and does not detect attacks by members: a member that
// deviates can spoil a result, and parity is no proof against intent. It does not
// know whether a session was used before, whether a challenge was drawn after the
// commitment, or which cohorts a query has to be tested on. Go cannot promise that erased secrets leave no copy behind.
package he
