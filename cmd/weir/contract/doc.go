// Package contract has the commands that publishers and buyers share: orders, and the
// contracts that are granted on them.
package contract
