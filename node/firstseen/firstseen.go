// Package firstseen remembers when this node first saw something that must not take for ever. It is this node's own
// observation and starts anew with every leader: timeouts are measured where they are decided, not by clocks of
// different machines.
package firstseen

import (
	"maps"
	"time"
)

// Look is the first look at something: when it was, and which runs of the members' processes there were.
type Look struct {
	At   time.Time
	Runs map[string]string // of a node: the run of its process
}

// Looks are the first looks at things, by their names. The zero value has none. One goroutine uses it.
type Looks struct {
	first map[string]Look
}

// First returns the first look at name, which is now when there was none.
func (l *Looks) First(name string, now Look) Look {
	if l.first == nil {
		l.first = map[string]Look{}
	}
	first, ok := l.first[name]
	if !ok {
		l.first[name], first = now, now
	}
	return first
}

// Since returns for how long name has been seen.
func (l *Looks) Since(name string, now time.Time) time.Duration {
	return now.Sub(l.First(name, Look{At: now}).At)
}

// Keep forgets every name that is not in names.
func (l *Looks) Keep(names map[string]bool) {
	maps.DeleteFunc(l.first, func(name string, _ Look) bool { return !names[name] })
}
