package postgres

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ProbesFile is the file, beside the desk's store, of queries that were not understood.
const ProbesFile = "postgres-probes.jsonl"

const (
	// maxProbes is how many of them are written down by a desk, maxProbeFile how large the file may grow.
	maxProbes    = 500
	maxProbeFile = 2 << 20
	maxProbe     = 16 << 10
)

// probes writes queries down that were not understood, each once: they are the next fixtures.
type probes struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	seen map[[32]byte]bool // guarded by mu
}

func newProbes(dir string, now func() time.Time) *probes {
	return &probes{dir: dir, now: now, seen: map[[32]byte]bool{}}
}

// note writes a query down. It may hold names that the person wrote, and stays on this machine.
func (p *probes) note(client, sql string, why error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := sha256.Sum256([]byte(sql))
	if p.dir == "" || p.seen[key] || len(p.seen) >= maxProbes {
		return nil
	}
	p.seen[key] = true
	file := filepath.Join(p.dir, ProbesFile)
	if info, err := os.Stat(file); err == nil && info.Size() > maxProbeFile {
		return nil
	}
	b, err := json.Marshal(map[string]string{"at": p.now().UTC().Format(time.RFC3339), "client": client, "sql": sql[:min(len(sql), maxProbe)], "why": why.Error()})
	if err != nil {
		return fmt.Errorf("write a query down: %w", err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a query down: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write a query down: %w", err)
	}
	return nil
}
