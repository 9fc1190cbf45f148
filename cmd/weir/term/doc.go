// Package term lays text out for a terminal: widths of texts, line wrapping, tables
// and the progress bar. Every command prints with it.
//
// Widths are columns of a terminal, two for a Chinese character (Unicode Standard
// Annex 11); lines end where Annex 14 lets them. Hidden characters of texts that
// others wrote are printed as escapes (shown.Text) and measured as such: no text
// moves the cursor or makes a line of its own.
//
// A table or text is fitted into the columns of the terminal that it is printed to.
// Into a file or a pipe it is written as wide as it is, so that a row is a line.
//
// The package draws no colours.
package term
