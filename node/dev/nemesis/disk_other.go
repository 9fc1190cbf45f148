//go:build !linux

package nemesis

func openDisk(string) (*disk, error) { return nil, errNoDisk }

func (*disk) close() error { return nil }
