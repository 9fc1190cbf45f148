// Package decimal reads and writes decimal numbers exactly: as integers in units of
// 10^-decimals, as rationals, and as amounts of money and of epsilon.
package decimal
