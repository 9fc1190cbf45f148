// Package panel reads what a publisher has, a descriptor in YAML and readings
// in CSV files, into a panel: entities × periods × measures of exact integers,
// ready to be packed into tiles.
//
// [ReadDescriptor] reads the form of DESCRIPTOR.md and reports what is
// wrong with line and column. [Read] reads the files: plain or gzip, UTF-8, UTF-16 or
// GB 18030, with or without byte order mark, columns separated by commas, tabs or
// semicolons, rows in any order.
//
// # Invariants
//
//   - A reading is either taken exactly, as the integer v·10^decimals, or
//     refused. Nothing is rounded and no floating point is involved.
//   - A panel comes from files without a single fault, or not at all: there is
//     nothing half-read to publish by mistake.
//   - What is read depends on the files' content, not on how many are read at
//     once: faults are listed in the order of files and rows.
//
// # How it fails
//
// Faults of the data are *DataError (file, row, column, what is wrong, what
// would be right), collected into *Errors: the first 20 and how many there are.
// Faults of the descriptor are *DescriptorError, joined. Anything else (a file
// that cannot be opened, an ended context) is an ordinary error.
//
// # What it does not do
//
// It does not judge a policy but by asking the catalog's own check, does not
// encrypt, and knows neither nodes nor network. The panel is plaintext: it stays
// on the publisher's machine.
package panel
