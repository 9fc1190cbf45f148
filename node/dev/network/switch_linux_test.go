package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, names ...string) *Switch {
	t.Helper()
	s, err := Open(1, names...)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// echo answers with what it reads, on a host.
func echo(t *testing.T, s *Switch, host string) netip.AddrPort {
	t.Helper()
	var l net.Listener
	err := s.Run(host, func() (err error) {
		l, err = net.Listen("tcp4", netip.AddrPortFrom(s.Addr(host), 0).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1)
			if _, err := io.ReadFull(c, b); err == nil {
				_, _ = c.Write(b)
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// ask sends one byte and reads it back within some time.
func ask(t *testing.T, s *Switch, from string, to netip.AddrPort, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return s.Run(from, func() error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp4", to.String())
		if err != nil {
			return err
		}
		defer c.Close() //nolint:errcheck // a test's
		d, _ := ctx.Deadline()
		if err := c.SetDeadline(d); err != nil {
			return err
		}
		if _, err := c.Write([]byte{7}); err != nil {
			return err
		}
		_, err = io.ReadFull(c, make([]byte, 1))
		return err
	})
}

func TestFaultsAreByDirection(t *testing.T) {
	s := open(t, "a", "b")
	a, b := echo(t, s, "a"), echo(t, s, "b")
	reach := func(from string, to netip.AddrPort, want bool) {
		t.Helper()
		within := time.Minute // a busy machine takes its time
		if !want {
			within = 500 * time.Millisecond
		}
		if err := ask(t, s, from, to, within); (err == nil) != want {
			t.Errorf("%s to %s: %v, want it reached: %t", from, to, err, want)
		}
	}
	reach("a", b, true)
	reach(Outside, a, true)
	s.Set("a", "b", Fault{Cut: true})
	reach("a", b, false)
	reach("b", a, false) // the answers are lost
	reach(Outside, b, true)
	s.Heal()
	reach("b", a, true)
	s.Set("a", "b", Fault{Loss: 1})
	reach("a", b, false)
	s.Set("a", "b", Fault{Delay: time.Hour})
	reach("a", b, false)
	s.Heal()
	reach("a", b, true)
}

// A process that is started on a host has its network, and this process keeps its own.
func TestProcessesRunOnTheirHost(t *testing.T) {
	s := open(t, "a")
	var out strings.Builder
	cmd := exec.Command("cat", "/proc/net/fib_trie")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := s.Run("a", cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr("a").String() + "\n"                       // or it begins the broadcast address, too
	own, err := os.ReadFile("/proc/thread-self/net/fib_trie") // a host may have the main thread
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), addr) || strings.Contains(string(own), addr) {
		t.Errorf("%s belongs to the host alone; it has:\n%s", addr, out.String())
	}
}

func TestReceiverReadsPacketsOfAnyLength(t *testing.T) {
	s := &Switch{hosts: []*host{{addr: netip.MustParseAddr("10.64.0.1")}}}
	packet := make([]byte, 20)
	packet[0] = 0x45
	copy(packet[16:], []byte{10, 64, 0, 1})
	for n := range len(packet) {
		if _, ok := s.receiver(packet[:n]); ok {
			t.Errorf("%d bytes are no packet", n)
		}
	}
	if to, ok := s.receiver(packet); !ok || to != 0 {
		t.Error("the packet is for the host")
	}
}
