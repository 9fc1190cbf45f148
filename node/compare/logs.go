package compare

import (
	"fmt"
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
)

// What is said of another node's log. Empty: it has more entries, and that node has to say.
const (
	SameLogs  = "same"
	OtherLogs = "differ"
)

// Head is the number of entries in a node's evidence log, and its root.
type Head struct {
	Size uint64         `json:"size"`
	Root catalog.Digest `json:"root"`
}

// Forks are the nodes whose logs contradict this node's. The zero value has none.
type Forks struct {
	mu sync.Mutex
	of map[string]Fork
}

// Fork is between which sizes two logs part: their roots are equal at one and differ at
// the other. Roots that differ at a size differ at every larger one.
type Fork struct{ Same, Differ uint64 }

// Found reports whether the first entry that differs is known: it is number same.
func (f Fork) Found() bool { return f.Differ == f.Same+1 }

// Note takes what two logs are at a size, and reports whether a fork is new. One is over
// when the logs are the same at a size at which they differed: one of the two was fetched
// anew.
func (s *Forks) Note(other string, size uint64, verdict string) (fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, known := s.of[other]
	switch {
	case verdict == OtherLogs && !known:
		if s.of == nil {
			s.of = map[string]Fork{}
		}
		s.of[other] = Fork{Differ: size}
		return true
	case verdict == OtherLogs && size <= f.Same:
		s.of[other] = Fork{Differ: size} // it was fetched anew, and differs earlier
	case verdict == OtherLogs:
		s.of[other] = Fork{Same: f.Same, Differ: min(f.Differ, size)}
	case verdict == SameLogs && known && size >= f.Differ:
		delete(s.of, other)
	case verdict == SameLogs && known:
		s.of[other] = Fork{Same: max(f.Same, size), Differ: f.Differ}
	}
	return false
}

// With is where this node's log and another's part; false: they do not, as far as is known.
func (s *Forks) With(other string) (Fork, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, differs := s.of[other]
	return f, differs
}

// Reasons says with whom this node's log differs, and from where on.
func (s *Forks) Reasons(own string) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, f := range s.of {
		where := fmt.Sprintf("within the first %d entries", f.Differ)
		if f.Found() {
			where = fmt.Sprintf("from entry %d on", f.Same)
		}
		list = append(list, fmt.Sprintf("the logs of %s and %s differ %s: one of the two lost or changed entries. The one that differs "+
			"from most nodes is wrong: stop it, move its ledger's directory away and start it again", own, other, where))
	}
	slices.Sort(list)
	return list
}
