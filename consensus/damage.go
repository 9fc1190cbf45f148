package consensus

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/consensus/panictrace"
	"github.com/weirdata/weir/consensus/tablecheck"
)

// Part is a part of a ledger's directory, by its name there.
type Part string

// The parts that can be damaged by themselves. Where they do not belong together the error
// is [ErrInconsistent].
const (
	PartState Part = "state" // what the entries amount to: it can be made again from the rest
	PartLog   Part = "wal"   // the entries, the term and the vote
)

// DamageError is returned when the bytes on the disk are not what was written there.
type DamageError struct {
	Part Part
	Err  error
}

// Error implements error.
func (e *DamageError) Error() string { return fmt.Sprintf("the %s is damaged: %v", e.Part, e.Err) }

// Unwrap returns what was found.
func (e *DamageError) Unwrap() error { return e.Err }

// isDamage tells whether err says that a part is damaged.
func isDamage(err error) bool {
	_, is := errors.AsType[*DamageError](err)
	return is
}

// damaged makes err a DamageError of a part, unless it is one already.
func damaged(part Part, err error) error {
	if err == nil || isDamage(err) {
		return err
	}
	return &DamageError{part, err}
}

// openError is why a library does not open a part: damage, unless something keeps it from
// opening it.
func openError(part Part, err error) error {
	if tablecheck.Kept(err) {
		return err
	}
	return damaged(part, err)
}

// guarded runs fn, which uses a part, and turns a panic of the library that reads it into a
// DamageError, as well as a page of a mapped file that the disk does not give. A panic of
// our own code goes on. What the library does in goroutines of its own is out of reach: a
// panic there ends the process, and the next Open says what is damaged.
func guarded(part Part, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err = libraryPanic(part, p); err == nil {
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

// libraryPanic is the DamageError of a panic of one of the libraries, or of a page that the
// disk does not give, else nil. It is called by the function that recovers.
func libraryPanic(part Part, p any) error {
	in := panictrace.In()
	inLibrary := slices.ContainsFunc(libraries, func(l string) bool { return strings.HasPrefix(in, l) })
	if _, fault := p.(interface{ Addr() uintptr }); !fault && !inLibrary {
		return nil
	}
	return &DamageError{part, fmt.Errorf("read it panicked in %s: %v", in, p)}
}

// storeError is err of badger's as damage of the state, unless it says that the state is
// closed.
func storeError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrDiscardedTxn) {
		return err
	}
	return damaged(PartState, err)
}
