// Package noise draws the noise of differentially private releases, and says
// how much of it there is.
//
// A node's folded share of a released number is uniform mod T, so it cannot be
// rounded or scaled: what is added to it must be an integer with granularity 1,
// or the low bits of the opened sum stay exact (a library's Laplace above scale
// 2^40 returns multiples of 2^j). [Vector] therefore draws from
// the discrete distributions over the integers exactly, by the algorithms 1 to
// 3 of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential
// Privacy" (NeurIPS 2020, arXiv 2004.00010). [LaplaceScale] and
// [GaussianVariance] say how wide the distribution must be, [Tail] how much
// room the noise takes below T/2, [Interval95] and [Describe] what a result
// states. PROTOCOL.md section 8 is the contract.
//
// Every node of the active set adds noise of the full scale (section 8.2): functions about
// a released number take the number of nodes.
//
// # Invariants
//
//   - No floating point on the sampling path. Every probability is a quotient
//     of integers, compared with random bits digit by digit until it is
//     decided; nothing is rounded.
//   - What is computed about a [Law] (bounds, intervals, calibrations) uses
//     software arithmetic of math/big only, so every node gets the same digits
//     on every architecture, and is rounded to the safe side: scales, tails
//     and intervals never come out smaller than the truth.
//   - A drawn vector is stored before anything leaves the node and used in
//     every attempt of its query: [Draw] has one bounded, versioned encoding.
//
// # How it fails
//
// A law outside the limits is [ErrLaw], an epsilon, delta or sensitivity
// outside theirs [ErrBudget], stored bytes that are not a draw [ErrEncoding].
// An error of the random source is returned wrapped, with no noise: there is
// no fallback. A source that is stuck (constant bytes) is [ErrSource] after
// 2^12 repetitions of a step that a working source leaves with probability of
// at least 1/3 each time; that, and refusing a sample beyond 64 bits, changes
// the distribution by less than 2^-180.
//
// # What it does not do
//
// It does not run in constant time: rejection, and the geometric step, take
// longer for some samples than for others. Nodes draw once per query and store
// the result before they answer, so the time of a draw is not visible to a
// buyer as such, but nothing here promises more. It does not know T, budgets
// or sensitivities (the plan does), and does not seal a draw for the disk.
package noise
