// Package table reads the table of a file, whatever kind of file it is: text with
// separators (CSV), an Excel workbook (xlsx), Parquet, or JSON objects, each plain or in
// a zip archive, text and JSON also gzip. It hands on a header and then row after row of texts, each with the
// line or row of the sheet on which it begins, and never holds a text file as a whole.
//
// [Read] tells the kind by the first bytes, not by the name. Text is UTF-8, UTF-16 or
// GB 18030, with or without byte order mark, or in the encoding that Options name. What is
// no UTF-8 is GB 18030 only where nothing speaks against it: characters that stand inside
// Latin words are the sign of Windows-1252 read wrongly, and then the file is refused with
// both readings, since nobody but its owner can tell.
//
// The rows of a longer text are read ahead by one goroutine in a few batches of bounded size,
// while the sink takes those before them. The sink notices nothing of it: it is told the same
// in the same order, and the goroutine has ended when Read returns.
//
// # What becomes of values
//
//   - A workbook's cells are read raw, not as they are shown. A number with more than 15
//     significant digits is cut to the 15 that Excel shows. Dates are numbers of days,
//     which Head.Days says.
//   - Parquet's and JSON's numbers become plain decimals; dates, times and timestamps ISO
//     8601 text, with Z where they are in UTC; null an empty text. Nested fields are
//     columns a.b; lists are no columns.
//
// # How it fails
//
// What is wrong with the file goes to the Sink, which goes on; the error that Read returns
// is of the machine, or of an ended context. Where a file is damaged the sink is told to
// discard what it had, which may be the damage's.
package table
