//go:build !linux

package network

import "net/netip"

// Switch is not available on this system.
type Switch struct{}

// Open returns ErrUnavailable.
func Open(uint64, ...string) (*Switch, error) { return nil, ErrUnavailable }

// Addr is not reached: there is no Switch.
func (*Switch) Addr(string) netip.Addr { return netip.Addr{} }

// Run is not reached.
func (*Switch) Run(string, func() error) error { return ErrUnavailable }

// Set is not reached.
func (*Switch) Set(_, _ string, _ Fault) {}

// Heal is not reached.
func (*Switch) Heal() {}

// Close does nothing.
func (*Switch) Close() error { return nil }
