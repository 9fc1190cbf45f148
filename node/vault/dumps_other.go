//go:build !unix

package vault

// ForbidDumps does nothing here.
func ForbidDumps() error { return nil }

// GuardProcess does nothing here.
func GuardProcess() error { return nil }
