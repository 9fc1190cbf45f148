// Package damage tells bytes of a disk that are not what was written there from other errors.
//
// The libraries that read them panic over some, and pass over others. What they do in goroutines
// of their own is out of reach: a panic there ends the process.
package damage

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/weirdata/weir/consensus/tablecheck"
)

// Part is a part of a ledger's directory, by its name there.
type Part string

// The parts that can be damaged by themselves.
const (
	State Part = "state" // what the entries amount to: it can be made again from the rest
	Log   Part = "wal"   // the entries, the term and the vote
)

// Error is returned when the bytes on the disk are not what was written there.
type Error struct {
	Part Part
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("the %s is damaged: %v", e.Part, e.Err) }

// Unwrap returns what was found.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether err says that a part is damaged.
func Is(err error) bool {
	_, is := errors.AsType[*Error](err)
	return is
}

// Of makes err an Error of a part, unless it is one already, or nil.
func Of(part Part, err error) error {
	if err == nil || Is(err) {
		return err
	}
	return &Error{part, err}
}

// Opening is why a library does not open a part: damage, unless something keeps it from
// opening it.
func Opening(part Part, err error) error {
	if tablecheck.Kept(err) {
		return err
	}
	return Of(part, err)
}

// Guard runs fn, which uses a part, and turns a panic of the library that reads it into an
// Error, as well as a page of a mapped file that the disk does not give. A panic of our own
// code goes on.
func Guard(part Part, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err = Panic(part, p); err == nil {
			panic(p)
		}
	}()
	return fn()
}

// libraries read what is on the disk for us: a panic there is taken for damage.
var libraries = []string{
	"github.com/dgraph-io/", "github.com/klauspost/", "github.com/google/flatbuffers", "google.golang.org/protobuf/",
	"github.com/hashicorp/raft", "github.com/hashicorp/go-msgpack", "go.etcd.io/bbolt",
}

// Panic is the Error of a panic of one of the libraries, or of a page that the disk does not
// give, else nil. It is called by the function that recovers.
func Panic(part Part, p any) error {
	in := panickedIn()
	inLibrary := slices.ContainsFunc(libraries, func(l string) bool { return strings.HasPrefix(in, l) })
	if _, fault := p.(interface{ Addr() uintptr }); !fault && !inLibrary {
		return nil
	}
	return &Error{part, fmt.Errorf("read it panicked in %s: %v", in, p)}
}

// panickedIn is the innermost function on the panicking stack that is not of the standard
// library: what that was given to choke on was given by this one.
func panickedIn() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		first, _, inDir := strings.Cut(f.Function, "/")
		if panicked && inDir && strings.Contains(first, ".") { // a module's path begins with a domain
			return f.Function
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
