//go:build !unix

package node

func guardProcess() error { return nil }
