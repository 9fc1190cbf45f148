package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/peer"
)

// streams joins what went one way over a connection, in order. Two connections between the
// same nodes are two places: pieces of both in one would cut what is searched for.
func (x *tapped) streams() (list []leak.Place) {
	type way struct {
		conn *peer.Conn
		sent bool
	}
	at := map[way]int{}
	for _, f := range x.all() {
		name := fmt.Sprintf("%s to %s over %s", f.from, f.to, f.protocol)
		if !f.sent {
			name = fmt.Sprintf("%s to %s over %s, as received", f.to, f.from, f.protocol)
		}
		i, ok := at[way{f.conn, f.sent}]
		if !ok {
			i = len(list)
			at[way{f.conn, f.sent}] = i
			list = append(list, leak.Place{Name: name})
		}
		list[i].Bytes = append(list[i].Bytes, f.bytes...)
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
func (c *cluster) nodePlaces(t *testing.T, id string) []leak.Place {
	t.Helper()
	list := leak.Files(t, c.nodeDir(id))
	states, err := filepath.Glob(filepath.Join(c.nodeDir(id), founding.DirLedger, "state", "gen-*"))
	if err != nil || len(states) == 0 {
		t.Fatalf("the databases of %s: %v, %v", id, states, err)
	}
	for _, dir := range append(states, filepath.Join(c.nodeDir(id), founding.DirBlobs)) {
		list = append(list, leak.Place{Name: "what is held in " + dir, Bytes: databaseOf(t, dir)})
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

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
