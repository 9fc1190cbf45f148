package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/node/dev"
)

// setHosts makes hosts, each with a network of its own, with a router between them and this machine:
// hosts N. The command on1 runs what follows it on the first of them, and $PEER1 and $API1 are addresses that it
// has, and so on. Where network namespaces cannot be made they are addresses of the loopback interface, and the commands run here.
func setHosts(ts *testscript.TestScript, neg bool, args []string) {
	n := 0
	if len(args) == 1 {
		n, _ = strconv.Atoi(args[0]) //nolint:errcheck // 0 is none
	}
	if neg || n < 1 || n > 200 {
		ts.Fatalf("usage: hosts N")
	}
	ports, err := dev.FreePorts(2 * n)
	ts.Check(err)
	spaces := namespaces{name: fmt.Sprintf("weir%d", os.Getpid()), net: fmt.Sprintf("100.%d", 64+os.Getpid()%64)}
	ts.Defer(func() {
		if err := spaces.remove(); err != nil {
			ts.Logf("namespaces are left: %v", err)
		}
	})
	if err = spaces.make(n); err != nil {
		ts.Logf("no network namespaces here, all is on loopback addresses: %v", err)
	}
	bin := ts.MkAbs("hosts")
	ts.Check(os.MkdirAll(bin, 0o700))
	for i := 1; i <= n; i++ {
		addr, prefix := ownHost(), ""
		if err == nil {
			addr, prefix = spaces.addr(i), "ip netns exec "+spaces.host(i)+" "
		}
		ts.Setenv(fmt.Sprintf("PEER%d", i), fmt.Sprintf("%s:%d", addr, ports[2*i-2]))
		ts.Setenv(fmt.Sprintf("API%d", i), fmt.Sprintf("%s:%d", addr, ports[2*i-1]))
		script := "#!/bin/sh\nexec " + prefix + "\"$@\"\n"
		ts.Check(os.WriteFile(filepath.Join(bin, fmt.Sprintf("on%d", i)), []byte(script), 0o700)) //nolint:gosec // a program
	}
	ts.Setenv("PATH", bin+string(os.PathListSeparator)+ts.Getenv("PATH"))
}

// namespaces are hosts' networks, made with ip(8). The router between them has one of its own, so that nothing of this
// machine's changes but for one interface.
type namespaces struct {
	name, net string
	made      []string
}

func (s *namespaces) host(i int) string { return fmt.Sprintf("%s-%d", s.name, i) }
func (s *namespaces) addr(i int) string { return fmt.Sprintf("%s.%d.2", s.net, i) }

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil { //nolint:gosec // our own arguments
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

func (s *namespaces) make(n int) error {
	if runtime.GOOS != "linux" {
		return errors.New("they are Linux's")
	}
	router := s.host(0)
	space := func(name string) error {
		err := ip("netns", "add", name)
		if err == nil {
			s.made = append(s.made, name)
			err = ip("-n", name, "link", "set", "lo", "up")
		}
		return err
	}
	// line connects the network of a host, or this machine's (""), with the router.
	line := func(i int, host string) error {
		in, near := []string{}, s.name
		if host != "" {
			in, near = []string{"-n", host}, "eth0"
		}
		far := fmt.Sprintf("h%d", i)
		for _, args := range [][]string{
			append(in, "link", "add", near, "type", "veth", "peer", "name", far, "netns", router),
			append(in, "addr", "add", s.addr(i)+"/24", "dev", near),
			append(in, "link", "set", "dev", near, "up"),
			{"-n", router, "addr", "add", fmt.Sprintf("%s.%d.1/24", s.net, i), "dev", far},
			{"-n", router, "link", "set", "dev", far, "up"},
			append(in, "route", "add", s.net+".0.0/16", "via", fmt.Sprintf("%s.%d.1", s.net, i)),
		} {
			if err := ip(args...); err != nil {
				return err
			}
		}
		return nil
	}
	err := space(router)
	if err == nil {
		err = ip("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	}
	if err == nil {
		err = line(0, "")
	}
	for i := 1; i <= n && err == nil; i++ {
		if err = space(s.host(i)); err == nil {
			err = line(i, s.host(i))
		}
	}
	return err
}

// remove removes what was made. The interfaces go with the namespace that their other ends are in.
func (s *namespaces) remove() (err error) {
	for _, name := range s.made {
		err = errors.Join(err, ip("netns", "del", name))
	}
	s.made = nil
	return err
}
