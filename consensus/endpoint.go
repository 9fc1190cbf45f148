package consensus

import (
	"fmt"
	"strings"

	"github.com/hashicorp/raft"
)

// endpoint is where a member is reached, and as which incarnation. It is what raft calls a
// server's address:
//
//	ADDR                     the founding incarnation
//	ADDR#INCARNATION         a later one, in hexadecimal
type endpoint struct {
	addr        string
	incarnation incarnation
}

func (p endpoint) String() string {
	if p.incarnation == founding {
		return p.addr
	}
	return p.addr + "#" + p.incarnation.String()
}

func (p endpoint) address() raft.ServerAddress { return raft.ServerAddress(p.String()) }

func parseEndpoint(s string) (endpoint, error) {
	addr, rest, later := strings.Cut(s, "#")
	if !later {
		return endpoint{addr: addr}, nil
	}
	p := endpoint{addr: addr}
	if _, err := fmt.Sscanf(rest, "%x", (*uint64)(&p.incarnation)); err != nil || p.String() != s {
		return endpoint{}, fmt.Errorf("%w: %q is not the address of a member", ErrInconsistent, s)
	}
	return p, nil
}

// endpointOf is the endpoint of a member of a configuration, which this package made.
func endpointOf(s raft.Server) endpoint {
	p, err := parseEndpoint(string(s.Address))
	if err != nil {
		return endpoint{addr: string(s.Address)} // dialing it says what is wrong
	}
	return p
}
