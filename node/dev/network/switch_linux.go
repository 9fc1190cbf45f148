package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Switch carries packets between hosts. All methods are safe for concurrent use.
type Switch struct {
	hosts  []*host
	index  map[string]int
	rules  *rules
	wait   sync.WaitGroup
	closed chan struct{}
	ending sync.Once
	err    error
}

// maxPacket is the largest packet, which is also the hosts' MTU.
const maxPacket = 65000

// Open makes a host for each name, beside Outside. Close ends them. seed draws which
// packets are lost.
func Open(seed uint64, names ...string) (s *Switch, err error) {
	subnet := ownSubnet()
	s = &Switch{index: map[string]int{}, rules: newRules(seed), closed: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for i, name := range append([]string{Outside}, names...) {
		h, err := openHost(subnet.address(i), name == Outside)
		if err != nil {
			return s, fmt.Errorf("make host %s: %w", name, err)
		}
		s.index[name] = len(s.hosts)
		s.hosts = append(s.hosts, h)
	}
	for i := range s.hosts {
		s.wait.Go(func() { s.carry(i) })
	}
	return s, nil
}

// Addr is a host's address.
func (s *Switch) Addr(name string) netip.Addr { return s.hosts[s.index[name]].addr }

// Run runs do with the network of a host: connections that it makes and processes that it
// starts are the host's. Goroutines that do starts are not.
func (s *Switch) Run(name string, do func() error) error { return s.hosts[s.index[name]].run(do) }

// Set has a fault happen to what is sent from one host to another, and not to what comes
// back, until it is set anew.
func (s *Switch) Set(from, to string, f Fault) {
	s.rules.set(direction{s.index[from], s.index[to]}, f)
}

// Heal ends all faults.
func (s *Switch) Heal() { s.rules.clear() }

// carry reads what a host sends and hands it to whom it is for.
func (s *Switch) carry(from int) {
	buf := make([]byte, maxPacket)
	for {
		n, err := s.hosts[from].tun.Read(buf)
		if err != nil {
			return // closed
		}
		to, ok := s.receiver(buf[:n])
		if !ok {
			continue
		}
		delay, passes := s.rules.pass(direction{from, to})
		if !passes {
			continue
		}
		if delay == 0 {
			s.deliver(to, buf[:n])
			continue
		}
		packet := append([]byte(nil), buf[:n]...)
		s.wait.Go(func() {
			t := time.NewTimer(delay)
			defer t.Stop()
			select {
			case <-t.C:
				s.deliver(to, packet)
			case <-s.closed:
			}
		})
	}
}

// deliver gives a host a packet. One that its queue has no room for is lost, as on any
// line.
func (s *Switch) deliver(to int, packet []byte) { _, _ = s.hosts[to].tun.Write(packet) }

// receiver is the host that an IPv4 packet is for (RFC 791 section 3.1).
func (s *Switch) receiver(packet []byte) (to int, ok bool) {
	const destination, header, version = 16, 20, 4
	if len(packet) < header || packet[0]>>4 != version {
		return 0, false
	}
	want := netip.AddrFrom4([4]byte(packet[destination:header]))
	for i, h := range s.hosts {
		if h.addr == want {
			return i, true
		}
	}
	return 0, false
}

// Close ends the hosts. Processes in them keep running without a network.
func (s *Switch) Close() error {
	s.ending.Do(func() {
		close(s.closed)
		for _, h := range s.hosts {
			s.err = errors.Join(s.err, h.close())
		}
		s.wait.Wait()
	})
	return s.err
}

// subnet is 10.x.y.0/24.
type subnet [2]byte

// ownSubnet is one of this process, so that several may run.
func ownSubnet() subnet {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(os.Getpid())) //nolint:gosec // process ids are below 2^22
	return subnet{64 + b[2]%128, b[3]}
}

func (n subnet) address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, n[0], n[1], byte(i + 1)})
}
