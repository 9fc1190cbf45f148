package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A connection begins with
//
//	"WEIR" ‖ version (1) ‖ the incarnation that is meant (8, big endian)
//
// from who dials, and
//
//	version (1) ‖ the incarnation that answers (8)
//
// from who is dialed. Where the two differ the connection ends.
const (
	handshakeMagic   = "WEIR"
	handshakeVersion = 1
	helloBytes       = len(handshakeMagic) + 1 + 8
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
	if _, err := c.Write(binary.BigEndian.AppendUint64(hello, uint64(to.incarnation))); err != nil {
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
	if incarnation(binary.BigEndian.Uint64(hello[len(handshakeMagic)+1:])) != s.own {
		return io.EOF
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("end a handshake: %w", err)
	}
	return nil
}

// metAt is which incarnation answered last when the one of an endpoint was meant. What is known
// of an endpoint says nothing of the same address with another incarnation.
func (s *streams) metAt(p endpoint) (i incarnation, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known = s.met[p.String()]
	return i, known
}
