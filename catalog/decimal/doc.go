// Package decimal reads and writes decimal numbers exactly: as integers in units of
// 10^-decimals, and as rationals.
package decimal
