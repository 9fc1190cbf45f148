package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// A connection begins with
//
//	"WEIR" ‖ version (1) ‖ the incarnation that is meant (8, big endian) ‖ the log index that who dials has applied (8)
//
// from who dials, and
//
//	version (1) ‖ the incarnation that answers (8)
//
// from who is dialed. Where the two differ the connection ends.
const (
	handshakeMagic   = "WEIR"
	handshakeVersion = 2
	helloBytes       = len(handshakeMagic) + 1 + 8 + 8
	answerBytes      = 1 + 8
)

// otherIncarnationError is returned by Dial when the member runs as another incarnation.
type otherIncarnationError struct{ meant, met incarnation }

func (e *otherIncarnationError) Error() string {
	return fmt.Sprintf("the member lost its ledger: it is incarnation %q now, and the log still names %q", e.met, e.meant)
}

// dialHandshake tells the other side of a dialed connection which incarnation is meant, and
// remembers which one there is.
func (s *streams) dialHandshake(c net.Conn, to endpoint, timeout time.Duration) error {
	if timeout <= 0 { // raft's for "no bound"
		timeout = peerTimeout
	}
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("bound a handshake: %w", err)
	}
	hello := append([]byte(handshakeMagic), handshakeVersion)
	hello = binary.BigEndian.AppendUint64(hello, uint64(to.incarnation))
	if _, err := c.Write(binary.BigEndian.AppendUint64(hello, s.applied())); err != nil {
		return fmt.Errorf("shake hands with %s: %w", to.addr, err)
	}
	var answer [answerBytes]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return fmt.Errorf("shake hands with %s: %w", to.addr, err)
	}
	if answer[0] != handshakeVersion {
		return fmt.Errorf("shake hands with %s: it answers in version %d, known is %d", to.addr, answer[0], handshakeVersion)
	}
	met := incarnation(binary.BigEndian.Uint64(answer[1:]))
	s.mu.Lock()
	s.met[to.String()] = met
	s.mu.Unlock()
	if met != to.incarnation {
		return &otherIncarnationError{meant: to.incarnation, met: met}
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("end a handshake: %w", err)
	}
	return nil
}

// acceptHandshake answers the handshake on an accepted connection. Who means another incarnation is
// told which one this is; the connection then ends as if the other had closed it, which
// it does.
func (s *streams) acceptHandshake(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(s.stall)); err != nil {
		return fmt.Errorf("bound a handshake: %w", err)
	}
	var hello [helloBytes]byte
	if _, err := io.ReadFull(c, hello[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return io.EOF
		}
		return err // io.EOF as it is: nobody said anything
	}
	if string(hello[:len(handshakeMagic)]) != handshakeMagic || hello[len(handshakeMagic)] != handshakeVersion {
		return fmt.Errorf("a member begins with %q, known is version %d", hello[:len(handshakeMagic)+1], handshakeVersion)
	}
	answer := binary.BigEndian.AppendUint64([]byte{handshakeVersion}, uint64(s.own))
	if _, err := c.Write(answer); err != nil {
		return fmt.Errorf("answer a handshake: %w", err)
	}
	meant, theirs := hello[len(handshakeMagic)+1:], hello[helloBytes-8:]
	if incarnation(binary.BigEndian.Uint64(meant)) != s.own {
		return io.EOF
	}
	at := binary.BigEndian.Uint64(theirs)
	s.mu.Lock()
	s.newest = max(s.newest, at)
	s.mu.Unlock()
	if isPast(at, s.applied()) {
		return io.EOF
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("end a handshake: %w", err)
	}
	return nil
}

// isPast reports whether a log that has come to an index is one of before the restore of one that has come to another.
func isPast(at, newer uint64) bool { return newer > at && newer-at > restoreGap/2 }

// isOutdated reports whether another member has a ledger that follows a restore which this one's lacks.
func (s *streams) isOutdated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return isPast(s.applied(), s.newest)
}

// metAt is which incarnation answered last when the one of an endpoint was meant. What is known
// of an endpoint says nothing of the same address with another incarnation.
func (s *streams) metAt(p endpoint) (i incarnation, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known = s.met[p.String()]
	return i, known
}

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
