package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A node that opens connections without end gets so many and no more; the others are
// served as before, and it is too when it has closed one.
func TestConnectionsOfOneNodeAreBounded(t *testing.T) {
	const most = 3
	nodes := startCluster(t, Options{MaxConnsFrom: most}, ServerOptions{}, echo, "a", "b", "c")
	a, b := nodes["a"], nodes["b"]
	open := func() (*Conn, error) {
		return dial(t.Context(), a.identity, a.roster, newConnGroup(), a.mux.opts, b.member(), ProtocolPeer)
	}
	var held []*Conn
	for range most {
		c, err := open()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	for range 5 {
		if c, err := open(); err == nil {
			closedSoon(t, c)
			c.abort()
		}
		if err := b.refused.next(t); !errors.Is(err, errTooMany) {
			t.Fatalf("refused for %v, want errTooMany", err)
		}
	}
	wantEcho(t, nodes["c"], "b")
	held[0].abort()
	deadline := time.Now().Add(patience)
	for {
		c, err := open()
		if err == nil {
			held = append(held, c)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a place that was given back is not taken: %v", err)
		}
	}
	for _, c := range held {
		c.abort()
	}
}

// counted counts what is read of endless zeros.
type counted struct{ n atomic.Int64 }

func (c *counted) Read(p []byte) (int, error) {
	clear(p)
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// A node that sends a gigabyte where a kilobyte is taken is cut off long before.
func TestEndlessBodiesAreCutOff(t *testing.T) {
	read := func(s *Server) {
		s.Handle(http.MethodPost, "/some", 1000, func(_ context.Context, _ string, _ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
	}
	nodes := startCluster(t, Options{}, ServerOptions{}, read, "a", "b")
	for name, declared := range map[string]int64{"declared": 1 << 30, "without a length": -1} {
		body := &counted{}
		_, err := nodes["a"].client.Stream(t.Context(), "b", http.MethodPost, "/some", io.LimitReader(body, 1<<30), declared)
		if err == nil {
			t.Errorf("%s: a gigabyte was taken", name)
		}
		if sent := body.n.Load(); sent > 64<<20 {
			t.Errorf("%s: %d bytes were sent before it ended", name, sent)
		}
	}
}

// A node that asks and never reads what it is answered holds the handler no longer than a
// write may stall.
func TestNodeThatNeverReadsIsCutOff(t *testing.T) {
	var ended chan error
	flood := func(s *Server) {
		s.Handle(http.MethodGet, "/flood", 0, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, io.LimitReader(zeros{}, 1<<30))
			ended <- err
			return err
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ended = make(chan error, 1)
		conn := newPiped(t, Options{}, ServerOptions{StallTimeout: time.Second}, flood).dial()
		if _, err := io.WriteString(conn, "GET /flood HTTP/1.1\r\nHost: b\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("the handler ended with %v, want a timeout", err)
			}
		case <-time.After(patience):
			t.Error("the handler still writes")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}
