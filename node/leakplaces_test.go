package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// haystack is a place that is searched.
type haystack struct {
	name  string
	bytes []byte
}

// search returns what is found where. It goes through a place once, whatever the number of
// needles: at every position it looks at those that begin with the same two bytes.
func search(places []haystack, needles []needle) (found []string) {
	begin := make([][]int, 1<<16)
	for i, n := range needles {
		if len(n.bytes) < 2 {
			panic("a needle of " + n.name + " is too short to be looked for")
		}
		at := int(n.bytes[0])<<8 | int(n.bytes[1])
		begin[at] = append(begin[at], i)
	}
	for _, p := range places {
		seen := map[int]bool{}
		for at := 0; at+1 < len(p.bytes); at++ {
			for _, i := range begin[int(p.bytes[at])<<8|int(p.bytes[at+1])] {
				if !seen[i] && bytes.HasPrefix(p.bytes[at:], needles[i].bytes) {
					seen[i] = true
					found = append(found, needles[i].name+" in "+p.name)
				}
			}
		}
	}
	return found
}

// mustFindAll requires that every needle is found in one of the places: a search that finds
// nothing proves something only if it would find what is there.
func mustFindAll(t *testing.T, what string, places []haystack, needles []needle) {
	t.Helper()
	whole := haystack{name: what}
	for _, p := range places {
		whole.bytes = append(append(whole.bytes, p.bytes...), 0)
	}
	missing := map[string]bool{}
	for _, n := range needles {
		missing[n.name+" in "+what] = true
	}
	for _, found := range search([]haystack{whole}, needles) {
		delete(missing, found)
	}
	for name := range missing {
		t.Errorf("planted and not found: %s", name)
	}
}

// planted is one text with all the needles in it.
func planted(needles []needle) []byte {
	var b bytes.Buffer
	for _, n := range needles {
		b.Write(n.bytes)
		b.WriteString("\x00|\x00")
	}
	return b.Bytes()
}

// streams joins what was tapped between every two nodes, in order.
func (x *tapped) streams() (list []haystack) {
	at := map[string]int{}
	for _, f := range x.all() {
		name := fmt.Sprintf("%s to %s over %s", f.from, f.to, f.protocol)
		if !f.sent {
			name = fmt.Sprintf("%s to %s over %s, as received", f.to, f.from, f.protocol)
		}
		i, ok := at[name]
		if !ok {
			i = len(list)
			at[name] = i
			list = append(list, haystack{name: name})
		}
		list[i].bytes = append(list[i].bytes, f.bytes...)
	}
	return list
}

// apiTap records what clients send and are sent, heads and bodies.
type apiTap struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	asked bytes.Buffer // what clients send alone
}

func (x *apiTap) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.Write(p)
}

func (x *apiTap) all() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.buf.Bytes())
}

// sent is what clients have sent.
func (x *apiTap) sent() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.asked.Bytes())
}

// wrap records a handler. A body is written at once when it was read, so that
// bodies of requests at the same time do not cut each other into pieces.
func (x *apiTap) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in, out bytes.Buffer
		fmt.Fprintf(&in, "%s %s %v\n", r.Method, r.URL, r.Header)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &in), r.Body}
		defer func() {
			fmt.Fprintf(&out, "%v\n", w.Header())
			x.mu.Lock()
			defer x.mu.Unlock()
			x.asked.Write(in.Bytes())
			x.buf.Write(in.Bytes())
			x.buf.Write(out.Bytes())
		}()
		h.ServeHTTP(&tappedWriter{ResponseWriter: w, out: &out}, r)
	})
}

type tappedWriter struct {
	http.ResponseWriter
	out *bytes.Buffer
}

func (w *tappedWriter) Write(p []byte) (int, error) {
	w.out.Write(p)
	return w.ResponseWriter.Write(p)
}

func (w *tappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nodePlaces are a closed node's files as they are, and what its databases hold: their
// tables may be compressed, and a search through the files would not see what is in them.
func (c *cluster) nodePlaces(t *testing.T, id string) []haystack {
	t.Helper()
	list := files(t, c.nodeDir(id))
	states, err := filepath.Glob(filepath.Join(c.nodeDir(id), dirLedger, "state", "gen-*"))
	if err != nil || len(states) == 0 {
		t.Fatalf("the databases of %s: %v, %v", id, states, err)
	}
	for _, dir := range append(states, filepath.Join(c.nodeDir(id), dirBlobs)) {
		list = append(list, haystack{"what is held in " + dir, databaseOf(t, dir)})
	}
	return list
}

// databaseOf reads every version of every key of a database, and its values.
func databaseOf(t *testing.T, dir string) (held []byte) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithReadOnly(true))
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.AllVersions = true
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			held = append(append(held, it.Item().Key()...), 0)
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			held = append(append(held, value...), 0)
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return held
}

// files reads every file below dir.
func files(t *testing.T, dir string) (list []haystack) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		b, err := readSparse(f)
		list = append(list, haystack{"file " + path, b})
		return errors.Join(err, f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 5 {
		t.Fatalf("%s has %d files", dir, len(list))
	}
	return list
}

// readSparse reads a file and cuts what databases reserve: of every 64 kB of
// zeros 64 bytes stay.
func readSparse(r io.Reader) (kept []byte, err error) {
	part, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(r, part)
		if got := part[:n]; bytes.Equal(got, zeros[:n]) {
			kept = append(kept, zeros[:min(n, 64)]...)
		} else {
			kept = append(kept, got...)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return kept, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// private requires that nobody but its owner may read anything below dir.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
