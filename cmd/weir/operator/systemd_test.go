package operator

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type fakeHealth struct {
	live    error
	reasons []string
}

func (h fakeHealth) Live() error             { return h.live }
func (h fakeHealth) Ready() (bool, []string) { return len(h.reasons) == 0, h.reasons }

// Systemd hears that a node is there, how it fares, again and again that it answers, and that
// it stops.
func TestSystemdIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		health fakeHealth
		status string
	}{
		{"ready", fakeHealth{}, "STATUS=ready"},
		{"not ready", fakeHealth{reasons: []string{"no node leads", "its clock is off"}}, "STATUS=not ready: no node leads; its clock is off"},
		{"stopped", fakeHealth{live: errors.New("the ledger stopped:\nno room")}, "STATUS=the ledger stopped:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := filepath.Join(t.TempDir(), "notify")
			socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := socket.Close(); err != nil {
					t.Error(err)
				}
			})
			t.Setenv("NOTIFY_SOCKET", address)
			t.Setenv("WATCHDOG_USEC", "30000")
			t.Setenv("WATCHDOG_PID", "")
			hear := func() []string {
				if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 4096)
				n, err := socket.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				return strings.Split(string(b[:n]), "\n")
			}
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan struct{})
			states := make(chan health, 1)
			states <- fakeHealth{reasons: []string{"it is sealed"}}
			go func() { defer close(over); tellSystemd(ctx, slog.New(slog.DiscardHandler), states) }()
			if got := hear(); len(got) != 2 || got[0] != "READY=1" || got[1] != "STATUS=not ready: it is sealed" {
				t.Errorf("heard %q of a node that is sealed", got)
			}
			states <- c.health
			got := hear()
			for len(got) == 2 && got[0] == "WATCHDOG=1" && got[1] == "STATUS=not ready: it is sealed" {
				got = hear() // on a loaded machine the watchdog may come first
			}
			if len(got) != 2 || got[0] != "READY=1" || !strings.HasPrefix(got[1], c.status) {
				t.Errorf("heard %q when it is open", got)
			}
			for range 2 {
				if got := hear(); len(got) != 2 || got[0] != "WATCHDOG=1" || !strings.HasPrefix(got[1], c.status) {
					t.Errorf("heard %q then", got)
				}
			}
			stop()
			for got := hear(); got[0] != "STOPPING=1"; got = hear() {
				if got[0] != "WATCHDOG=1" {
					t.Fatalf("heard %q in the end", got)
				}
			}
			<-over
		})
	}
}
