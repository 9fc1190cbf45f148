package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// host is a network namespace with one address. A namespace belongs to threads: one
// goroutine stays on one of its threads, and runs what is to run there. The thread ends
// with the goroutine, and the namespace with its last thread and process.
type host struct {
	addr netip.Addr
	tun  *os.File

	work   chan func()
	quit   chan struct{}
	ended  chan struct{}
	ending sync.Once
}

// openHost makes a host. The outside one has the network of this process.
func openHost(addr netip.Addr, outside bool) (*host, error) {
	h := &host{addr: addr, work: make(chan func()), quit: make(chan struct{}), ended: make(chan struct{})}
	made := make(chan error)
	go func() {
		defer close(h.ended)
		runtime.LockOSThread() // and never unlocked: the thread is not used for anything else
		err := h.make(outside)
		made <- err
		if err != nil {
			return
		}
		for {
			select {
			case do := <-h.work:
				do()
			case <-h.quit:
				return
			}
		}
	}()
	return h, <-made
}

// make moves the calling thread to a network of its own and gives it the address.
func (h *host) make(outside bool) error {
	if !outside {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return unavailable("make a network namespace", err)
		}
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return unavailable("open /dev/net/tun", err)
	}
	name := fmt.Sprintf("weir%d", os.Getpid())
	if err := attach(fd, name); err != nil {
		return errors.Join(unavailable("make an interface", err), unix.Close(fd))
	}
	if err := configure(name, h.addr, !outside); err != nil {
		return errors.Join(fmt.Errorf("set up interface %s: %w", name, err), unix.Close(fd))
	}
	h.tun = os.NewFile(uintptr(fd), name)
	return nil
}

// unavailable marks what only root may do.
func unavailable(what string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// attach makes a TUN interface of packets without a header.
func attach(fd int, name string) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
}

// configure gives an interface its address and brings it up, and the loopback interface
// of a new namespace.
func configure(name string, addr netip.Addr, loopback bool) (err error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(s)) }()
	a := addr.As4()
	for _, step := range []struct {
		request uint
		set     func(*unix.Ifreq) error
	}{
		{unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(a[:]) }},
		{unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(maxPacket); return nil }},
		{unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		if err := setInterface(s, name, step.request, step.set); err != nil {
			return err
		}
	}
	if !loopback {
		return nil
	}
	return setInterface(s, "lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil })
}

func setInterface(socket int, name string, request uint, set func(*unix.Ifreq) error) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := set(r); err != nil {
		return err
	}
	return unix.IoctlIfreq(socket, request, r)
}

// run runs do on the host's thread.
func (h *host) run(do func() error) error {
	done := make(chan error, 1)
	select {
	case h.work <- func() { done <- do() }:
		return <-done
	case <-h.ended:
		return fmt.Errorf("the host %s is closed", h.addr)
	}
}

// close ends the host's thread and interface.
func (h *host) close() (err error) {
	h.ending.Do(func() {
		close(h.quit)
		<-h.ended
		if h.tun != nil {
			err = h.tun.Close()
		}
	})
	return err
}
