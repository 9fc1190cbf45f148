// Package seeds holds Hengshui's published environmental figures and a
// deterministic generator of synthetic data that reproduces them.
//
// The Hengshui Ecological Environment Bureau published its figures on
// 20 November 2025; the readings behind them are not public. So the package
// makes readings up: registries and datasets as CSV, with the descriptors that
// publish them, calibrated so that a query over the readings gives the
// published figure after rounding to the published precision. Every
// descriptor says that its data is synthetic. [Figures] is the table of the
// figures, [Generator.Questions] the queries of the demo with functions that
// compare the answers with the table.
//
// # Invariants
//
//   - One (seed, options) pair gives the same bytes on every machine: the
//     generator computes with integers only, because floating point may be
//     fused differently from one architecture to the next. Golden digests in
//     the tests hold this.
//   - A cell's value does not depend on the size that was asked for: the small
//     data is part of the full data.
//   - Every value lies in the range and has the decimals that the descriptor
//     of its dataset declares.
//   - The composite index is computed in plaintext by [AirIndex]; the part of
//     it that encrypted means can give is MeanPart2024.
//
// # Failure
//
// [New] refuses options that make no sense and names the field. Writers fail
// only when the writer underneath fails, or when a calibration target cannot
// be met, which no accepted options cause.
//
// # What it does not do
//
// It does not publish, query or encrypt: it imports nothing of Weir, so that
// every other part can be tested against it. It holds nothing about real
// enterprises; credit codes have valid check characters but a body that marks
// them as made up.
package seeds
