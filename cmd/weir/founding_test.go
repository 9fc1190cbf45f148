package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/node/dev"
	"github.com/weirdata/weir/node/founding"
)

// transplant writes a founding with the signatures of another one: transplant SIGNED FOUNDING TO.
func transplant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: transplant SIGNED FOUNDING TO")
	}
	signed, err := founding.ReadDraft(ts.MkAbs(args[0]))
	ts.Check(err)
	g, err := founding.ReadDraft(ts.MkAbs(args[1]))
	ts.Check(err)
	g.Signatures = signed.Signatures
	ts.Check(g.WriteFile(ts.MkAbs(args[2])))
}

// ownHost is a loopback address of one cluster of this process alone, where the system has more
// than one: a port that another process draws before a node listens on it, or between two of its
// starts, is then another one.
func ownHost() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid, n := os.Getpid(), int(hosts.Add(1))
	return fmt.Sprintf("127.%d.%d.%d", 128+pid>>8%127, pid%256, 1+n%254)
}

var hosts atomic.Int64

// setAddresses sets variables to addresses of $HOST on which nobody listens: addresses VAR….
func setAddresses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: addresses VAR…")
	}
	ports, err := dev.FreePorts(len(args))
	ts.Check(err)
	for i, name := range args {
		ts.Setenv(name, fmt.Sprintf("%s:%d", ts.Getenv("HOST"), ports[i]))
	}
}

// untilRefused runs a command again and again until it fails with an error that matches: what a node refuses it by it hears from
// the others, some seconds later.
func untilRefused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused PATTERN COMMAND [ARGUMENT]…")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	tryUntil(ts, func() (bool, any) {
		if err := ts.Exec(args[1], args[2:]...); err == nil {
			ts.Fatalf("it was done")
		}
		told := ts.ReadFile("stderr")
		return pattern.MatchString(told), told
	})
}

// tryUntil tries something again and again until it is done, for three minutes at most. Otherwise it says why not.
func tryUntil(ts *testscript.TestScript, try func() (done bool, why any)) {
	tick, over := time.NewTicker(200*time.Millisecond), time.NewTimer(3*time.Minute)
	defer tick.Stop()
	defer over.Stop()
	for {
		done, why := try()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-over.C:
			ts.Fatalf("after three minutes: %v", why)
		}
	}
}

// untilDone runs a command until it ends with status 0: until COMMAND [ARGUMENT]….
func untilDone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND [ARGUMENT]…")
	}
	tryUntil(ts, func() (bool, any) {
		err := ts.Exec(args[0], args[1:]...)
		return err == nil, err
	})
}
