// Package loopback reads the addresses that a desk listens on, which nobody reaches from another machine.
package loopback

import (
	"fmt"
	"net/netip"
)

// Address reads an address of the loopback interface with a port, such as example. It fails with outside where others
// than this machine reach the address.
func Address(listen, example string, outside error) (string, error) {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil {
		return "", fmt.Errorf("%q is no address such as %s", listen, example)
	}
	if !addr.Addr().IsLoopback() || addr.Addr().Zone() != "" {
		return "", fmt.Errorf("%w, such as %s, and not on %s", outside, example, addr.Addr())
	}
	return addr.String(), nil
}
