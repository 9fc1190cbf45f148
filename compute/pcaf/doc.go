// Package pcaf attributes emissions to a loan book by the Global GHG Accounting and Reporting
// Standard of PCAF, Part A: Financed Emissions, 2nd edition, December 2022, chapter 5.2
// (business loans and unlisted equity). It reads the book (Read), sorts its borrowers into
// private pieces by their attribution factors (Order), and makes the figures of a report of the
// sums that a query released (Pieces, and Weights for the factors as private weights).
//
// The attribution factor of a borrower is what it owes over its equity and debt, or over its
// enterprise value including cash where it is listed. Equity below nothing counts as nothing
// (footnote 90). Another denominator, revenue say, is possible and said to be none of the
// Standard's. Several loans of one borrower add up.
//
// All arithmetic is exact, in fractions; a figure is rounded once, when it is written. The
// package is pure but for the file that it reads.
package pcaf
