package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/client"
)

// counter is a state machine that counts.
type counter struct{}

// Apply implements consensus.Machine.
func (counter) Apply(tx records.Tx, seq uint64, _ []byte) ([]byte, error) {
	return nil, tx.Set([]byte("count"), binary.BigEndian.AppendUint64(nil, seq))
}

// loopback is a consensus.StreamLayer without TLS.
type loopback struct{ net.Listener }

// Dial implements consensus.StreamLayer.
func (loopback) Dial(address string, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", address, timeout)
}

// propose counts proposals of 1 KiB to three members with all their fsyncs on
// one disk, from one client and from 64.
func (f *Figures) propose(ctx context.Context, dir string, during time.Duration) (err error) {
	members, err := ledgers(ctx, dir)
	defer func() {
		for _, l := range members {
			err = errors.Join(err, l.Close())
		}
	}()
	if err != nil {
		return err
	}
	if _, err := elected(ctx, members); err != nil {
		return err
	}
	for _, m := range []struct {
		name    string
		clients int
	}{{"propose_per_s", 1}, {"propose_64_per_s", 64}} {
		start := time.Now()
		n, err := proposals(ctx, members, m.clients, during)
		if err != nil {
			return err
		}
		f.add(m.name, float64(n)/time.Since(start).Seconds(), "1/s")
	}
	return nil
}

// ledgers opens three members; on an error those that are open are returned.
func ledgers(ctx context.Context, dir string) (open []*consensus.Ledger, err error) {
	var members []consensus.Member
	var layers []loopback
	for i := range 3 {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			for _, l := range layers {
				err = errors.Join(err, l.Close())
			}
			return nil, err
		}
		layers = append(layers, loopback{l})
		members = append(members, consensus.Member{ID: fmt.Sprintf("n%d", i+1), Addr: l.Addr().String()})
	}
	for i, m := range members {
		l, err := consensus.Open(consensus.Options{
			Dir: filepath.Join(dir, m.ID), ID: m.ID, Members: members, Bootstrap: true, Transport: layers[i], Machine: counter{},
		})
		if err != nil {
			for _, l := range layers[i+1:] {
				err = errors.Join(err, l.Close())
			}
			return open, err
		}
		open = append(open, l)
	}
	return open, nil
}

// elected waits for a leader.
func elected(ctx context.Context, members []*consensus.Ledger) (*consensus.Ledger, error) {
	for {
		for _, l := range members {
			if l.IsLeader() {
				return l, nil
			}
		}
		if err := client.Pause(ctx, 10*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for a leader: %w", err)
		}
	}
}

// proposals counts what clients, each waiting for its own, get through: at least one each.
func proposals(ctx context.Context, members []*consensus.Ledger, clients int, during time.Duration) (int64, error) {
	entry := make([]byte, 1<<10)
	until := time.Now().Add(during)
	var done atomic.Int64
	var g errgroup.Group
	for range clients {
		g.Go(func() error {
			for first := true; first || time.Now().Before(until); first = false {
				if err := proposeOne(ctx, members, entry); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	err := g.Wait()
	return done.Load(), err
}

// proposeOne has the leader apply an entry. A machine that is busy with something else may
// cost a leader its lease; then the next one is asked.
func proposeOne(ctx context.Context, members []*consensus.Ledger, entry []byte) error {
	for {
		leader, err := elected(ctx, members)
		if err != nil {
			return err
		}
		_, err = leader.Propose(ctx, entry)
		if _, other := errors.AsType[*consensus.NotLeaderError](err); !other && !errors.Is(err, consensus.ErrLostLeadership) {
			return err
		}
	}
}
