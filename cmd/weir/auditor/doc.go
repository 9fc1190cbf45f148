// Package auditor has the commands of those who check the evidence log: receipts,
// checkpoints, and the monitor of every node's log.
package auditor
