package auditlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/shortform"
	"github.com/weirdata/weir/consensus/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a Source in memory.
type ledger struct {
	records []evidence.Record
	changes chan struct{}
}

func (l *ledger) NextSeq() uint64 { return uint64(len(l.records)) }

func (l *ledger) Record(seq uint64) (evidence.Record, error) {
	if seq >= uint64(len(l.records)) {
		return evidence.Record{}, errors.New("there is no such entry")
	}
	return l.records[seq], nil
}

func (l *ledger) Changes() (<-chan struct{}, func()) { return l.changes, func() {} }

// add appends an entry; a nil outcome makes it void.
func (l *ledger) add(t *testing.T, signer string, outcome *catalog.Outcome) {
	t.Helper()
	e := catalog.Envelope{Payload: []byte(`{"n":` + string(rune('0'+len(l.records)%10)) + `}`), Signer: signer, Signature: make([]byte, ed25519.SignatureSize)}
	r := evidence.Record{Entry: catalog.NewEntry(int64(len(l.records)+1)*1000, e).Marshal(), Void: outcome == nil}
	if outcome != nil {
		b, err := json.Marshal(outcome)
		if err != nil {
			t.Fatal(err)
		}
		r.Outcome = b
	}
	l.records = append(l.records, r)
}

func newLog(t *testing.T, path string, l *ledger) *Log {
	t.Helper()
	name := func(id string) string { return map[string]string{"p-1": "Hengshui Bank"}[id] }
	log, err := New(path, l, name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// seqs are the numbers of the entries in a file, in its order.
func seqs(t *testing.T, path string) (list []uint64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var l Line
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, l.Seq)
	}
	return list
}

func want(t *testing.T, path string, seq ...uint64) {
	t.Helper()
	if got := seqs(t, path); !slices.Equal(got, seq) {
		t.Errorf("entries %v, want %v", got, seq)
	}
}

func TestLinesSayWhoDidWhat(t *testing.T) {
	l := &ledger{}
	l.add(t, "p-1", &catalog.Outcome{Kind: catalog.KindOrderCreate, ID: "o-1"})
	l.add(t, catalog.NodeSigner("n1"), &catalog.Outcome{Kind: catalog.KindKeyAck})
	l.add(t, "p-2", &catalog.Outcome{Kind: catalog.KindQuerySubmit, Refusal: catalog.Refuse(catalog.RefusedForbidden, "budget", "query.budget")})
	l.add(t, "p-1", nil)
	l.add(t, "p-1", &catalog.Outcome{Kind: catalog.KindOrderCreate, ID: "o-1", Repeat: true})
	l.records = append(l.records, evidence.Record{Entry: []byte("?")})
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := newLog(t, path, l)
	if err := log.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), b)
	}
	for i, parts := range [][]string{
		{`"time":"1970-01-01T00:00:01.000Z"`, `"seq":0`, `"signer":"p-1"`, `"name":"Hengshui Bank"`, `"kind":"order.create"`, `"id":"o-1"`, `"result":"done"`},
		{`"seq":2`, `"signer":"p-2"`, `"kind":"query.submit"`, `"result":"refused"`, `"rule":"budget"`, `"code":"query.budget"`},
		{`"seq":3`, `"result":"void"`},
		{`"seq":4`, `"result":"repeated"`},
		{`"seq":5`, `"result":"unreadable"`},
	} {
		for _, p := range parts {
			if !strings.Contains(lines[i], p) {
				t.Errorf("line %s lacks %s", lines[i], p)
			}
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if log.Behind() != 0 {
		t.Errorf("behind by %d", log.Behind())
	}
}

// However a run ended, the next goes on where the file ends.
func TestLogGoesOnWhereItWas(t *testing.T) {
	l := &ledger{}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	done := &catalog.Outcome{Kind: catalog.KindOrderCreate}
	catchUp := func() {
		t.Helper()
		if err := newLog(t, path, l).catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l.add(t, "p-1", done)
	l.add(t, "p-1", done)
	catchUp()
	mark, err := os.ReadFile(path + ".next")
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, "p-1", done)
	catchUp()
	want(t, path, 0, 1, 2)

	// It was killed before it had noted how far it was.
	if err := os.WriteFile(path+".next", mark, 0o600); err != nil {
		t.Fatal(err)
	}
	l.add(t, "p-1", done)
	catchUp()
	want(t, path, 0, 1, 2, 3)

	// It was killed within a line.
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, b[:len(b)-9], 0o600)
	}
	if err == nil {
		err = os.WriteFile(path+".next", mark, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	catchUp()
	want(t, path, 0, 1, 2, 3)

	// It was moved away.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.add(t, "p-1", done)
	catchUp()
	want(t, path, 4)

	// Everything is gone: the ledger has it all.
	if err := errors.Join(os.Remove(path), os.Remove(path+".next")); err != nil {
		t.Fatal(err)
	}
	catchUp()
	want(t, path, 0, 1, 2, 3, 4)

	if err := os.WriteFile(path, []byte("no audit log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(path, l, nil, nil); err == nil || !strings.Contains(err.Error(), "ends in a line that is none of an audit log") {
		t.Errorf("another file: %v", err)
	}
}

// A file that cannot be written is written when it can be; nothing is lost.
func TestLogWaitsForItsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	path := filepath.Join(dir, "audit.jsonl")
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{changes: make(chan struct{}, 1)}
		log := newLog(t, path, l)
		for range 3 {
			l.add(t, "p-1", &catalog.Outcome{Kind: catalog.KindOrderCreate})
		}
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); log.Follow(ctx) }()
		synctest.Wait()
		if log.Behind() != 3 {
			t.Errorf("behind by %d, want 3", log.Behind())
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		<-time.After(retry)
		synctest.Wait()
		if log.Behind() != 0 {
			t.Errorf("behind by %d still", log.Behind())
		}
		stop()
		<-over
	})
	want(t, path, 0, 1, 2)
}

// A ledger that was put back from a backup has other entries from there on, which are written
// too; one that only catches up has not.
func TestEntriesAfterARestoreAreWritten(t *testing.T) {
	l := &ledger{}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	done := &catalog.Outcome{Kind: catalog.KindOrderCreate}
	for range 6 {
		l.add(t, "p-1", done)
	}
	catchUp := func() {
		t.Helper()
		if err := newLog(t, path, l).catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	catchUp()
	all := l.records
	l.records = all[:2] // it lost its ledger, and fetches it
	catchUp()
	l.records = all
	catchUp()
	want(t, path, 0, 1, 2, 3, 4, 5)

	l.records = slices.Clone(all[:3])
	l.add(t, "", &catalog.Outcome{Kind: catalog.KindClusterRestore})
	l.add(t, "p-2", done)
	catchUp()
	catchUp()
	want(t, path, 0, 1, 2, 3, 4, 5, 3, 3, 4)
	for range 5 {
		l.add(t, "p-2", done)
	}
	catchUp()
	want(t, path, 0, 1, 2, 3, 4, 5, 3, 3, 4, 5, 6, 7, 8, 9)
	if b, err := os.ReadFile(path); err != nil || strings.Count(string(b), `"result":"restored"`) != 1 {
		t.Errorf("the restore is told otherwise than once: %s, %v", b, err)
	}

	// It was long past the end of the old one when this node opened again.
	l.records = slices.Clone(l.records[:5])
	l.add(t, "", &catalog.Outcome{Kind: catalog.KindClusterRestore})
	for range 9 {
		l.add(t, "p-3", done)
	}
	catchUp()
	if got := seqs(t, path); !slices.Equal(got[14:], []uint64{5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}) {
		t.Errorf("after a second restore: %v", got[14:])
	}
}

// What a node that is lost had behind what was agreed on may be in the file, so it is written from there.
func TestAfterARecoveryItIsWrittenFromWhatWasAgreedOn(t *testing.T) {
	entry := func(o recovery.Order) []byte {
		p := catalog.Payload{Version: 1, Kind: catalog.KindClusterRestore, Nonce: strings.Repeat("0", 32), Expires: 1, Body: catalog.Encode(recovery.Restore{Order: o})}
		return catalog.NewEntry(1, catalog.Envelope{Signer: "node:n1", Payload: catalog.Encode(p), Signature: make([]byte, 64)}).Marshal()
	}
	for _, x := range []struct {
		entry []byte
		want  uint64
	}{
		{entry(recovery.Order{Size: 9}), 9},
		{entry(recovery.Order{Size: 9, Survivor: "n1", Committed: 7}), 7},
		{[]byte("no entry"), 9},
	} {
		if got := agreed(9, x.entry); got != x.want {
			t.Errorf("it is written from %d, want %d", got, x.want)
		}
	}
}

// An entry that is shortened is told of as it was when it was whole.
func TestAShortEntryIsTheSameLine(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := catalog.Sign(key, catalog.NodeSigner("n1"), catalog.Payload{
		Cluster: "c", Kind: catalog.KindQueryShare, Nonce: strings.Repeat("0", 32), Issued: 1000, Expires: 2000,
		Body: catalog.Encode(catalog.QueryShare{Query: "q-1", Attempt: 1, Sealed: []byte("sealed")}),
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := evidence.Record{
		Entry:   catalog.NewEntry(1500, e).Marshal(),
		Outcome: catalog.Encode(catalog.Outcome{Seq: 7, Time: 1500, Kind: catalog.KindQueryShare, ID: "q-1", Share: &catalog.ShareTaken{Node: "n1", Attempt: 1}}),
	}
	form, err := shortform.Of(whole.Entry)
	if err != nil {
		t.Fatal(err)
	}
	short := evidence.Record{Shortened: true, Digest: whole.EntryDigest(), Short: form, Outcome: whole.Outcome}
	if a, b := Read(7, whole), Read(7, short); a != b || a.Result != "done" {
		t.Errorf("whole it is %+v, and short %+v", a, b)
	}
	short.Short = form[1:]
	if l := Read(7, short); l.Result != "unreadable" {
		t.Errorf("what does not decode is %+v", l)
	}
}
