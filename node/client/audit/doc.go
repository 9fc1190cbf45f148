// Package audit proves and follows what a cluster recorded. A receipt is verified against a
// profile, with no node asked (VerifyReceipt); ErrReceipt says what it does not prove. The
// client's own receipts are read and verified (QueryReceipt, VersionReceipt, EntryReceipt),
// and Monitor follows the log that every node signs: that none was forked or rewritten.
package audit
