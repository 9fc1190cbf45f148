package postgres

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

var update = flag.Bool("update", false, "write the fixtures of recorded statements anew")

// recorder hands a driver's connections on to a server, and keeps the statements that the driver sends.
type recorder struct {
	listener net.Listener
	upstream string
	wait     sync.WaitGroup

	mu         sync.Mutex
	statements []string // guarded by mu; each once, with its parameters put in
}

// record begins to record; it ends with the test.
func record(t *testing.T, upstream string) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{listener: listener, upstream: upstream}
	r.wait.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.wait.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close() //nolint:errcheck,gosec // it is closed once
		r.wait.Wait()
	})
	return r
}

func (r *recorder) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // nothing is left to be told
	server, err := net.Dial("tcp", r.upstream)
	if err != nil {
		return
	}
	r.wait.Go(func() {
		io.Copy(client, server) //nolint:errcheck,gosec // either side may end it
		client.Close()          //nolint:errcheck,gosec // likewise
	})
	defer server.Close() //nolint:errcheck // likewise
	prepared := map[string]*pgproto3.Parse{}
	started := false
	for {
		head := make([]byte, 5)
		if !started {
			head = head[1:]
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		size := binary.BigEndian.Uint32(head[len(head)-4:])
		if size < 4 || size > maxMessage {
			return
		}
		body := make([]byte, size-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		switch {
		case started:
			r.see(head[0], body, prepared)
		case len(body) > 4: // the first message that is no wish for encryption
			started = true
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// see keeps what a message asks.
func (r *recorder) see(kind byte, body []byte, prepared map[string]*pgproto3.Parse) {
	switch kind {
	case 'Q':
		m := &pgproto3.Query{}
		if m.Decode(body) == nil {
			r.keep(m.String)
		}
	case 'P':
		m := &pgproto3.Parse{}
		if m.Decode(body) == nil {
			prepared[m.Name] = m
		}
	case 'B':
		m := &pgproto3.Bind{}
		if m.Decode(body) != nil || prepared[m.PreparedStatement] == nil {
			return
		}
		p := prepared[m.PreparedStatement]
		text := p.Query
		for i := len(m.Parameters); i > 0; i-- {
			oid := uint32(0)
			if i <= len(p.ParameterOIDs) {
				oid = p.ParameterOIDs[i-1]
			}
			v, err := parameter(slices.Clone(m.Parameters[i-1]), oid, formatOf(m.ParameterFormatCodes, i-1))
			if err != nil {
				v = token.Token{Kind: token.String, Text: err.Error()}
			}
			text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i), v.SQL())
		}
		r.keep(text)
	}
}

func (r *recorder) keep(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text = strings.TrimSpace(text); text != "" && !slices.Contains(r.statements, text) {
		r.statements = append(r.statements, text)
	}
}

// fixture are the statements, with {oid} for the dataset's OID.
func (r *recorder) fixture(oid uint32) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	number := regexp.MustCompile(fmt.Sprintf(`\b%d\b`, oid))
	var b strings.Builder
	plan := regexp.MustCompile(`_PLAN0x[0-9a-f]+`) // psqlODBC names statements by their address
	for _, s := range r.statements {
		b.WriteString("-- ==\n" + plan.ReplaceAllString(number.ReplaceAllString(s, "{oid}"), "_PLAN") + "\n")
	}
	return b.String()
}

// sameAsRecorded compares what a driver of that version sends with the fixture of it, and with -update writes it anew. A driver
// of another version may send others: they have to be answered, and the test says that they were not compared.
func (r *recorder) sameAsRecorded(t *testing.T, name, driver string, oid uint32) {
	t.Helper()
	file := "pgcatalog/testdata/probes/" + name
	head := "-- Recorded: " + driver + " against the desk, by the tests of this package (" + t.Name() + "), which compare them.\n"
	got := head + r.fixture(oid)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !strings.HasPrefix(string(want), "-- Recorded: "+driver+" "):
		t.Logf("%s is of another version than %s, and not compared", file, driver)
	case got != string(want):
		t.Errorf("the driver sends other statements than %s has (-update writes it anew):\n%s", file, got)
	}
}

// oidOfWorks is the OID that the catalogue has for the dataset.
func oidOfWorks(t *testing.T, w *world) uint32 {
	t.Helper()
	c, _ := w.connect("")
	var oid uint32
	if err := c.QueryRow(t.Context(), "SELECT 'works'::regclass::oid").Scan(&oid); err != nil {
		t.Fatal(err)
	}
	return oid
}
