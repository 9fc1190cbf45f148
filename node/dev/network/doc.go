// Package network gives processes hosts of their own on one machine, and faults between
// them. Each host is a Linux network namespace with one address; a Switch in this process
// carries every packet between two hosts, and loses, delays or holds back what it is told
// to, in each direction by itself. Nothing outside of this process is changed: namespaces
// end with the Switch, and need no names.
//
// It needs root and /dev/net/tun. Open says ErrUnavailable where they are missing.
package network

import "errors"

// ErrUnavailable is returned where hosts cannot be made: not Linux, not root, no
// /dev/net/tun.
var ErrUnavailable = errors.New("network namespaces are not available here")

// Outside is the host that this process itself is: the programs that ask the others.
const Outside = "outside"
