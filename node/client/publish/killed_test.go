package publish_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/publish"
)

// childDir names to the test binary, run again, the directory of what it appends.
const childDir = "WEIR_TEST_APPEND"

// TestAppendInAChild is the process that TestAnAppendKilledAtAnyStepIsTakenUp kills.
func TestAppendInAChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("it is run by another test")
	}
	profile, err := client.LoadProfile(filepath.Join(dir, "profile"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := client.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	o := (&clienttest.World{}).Options()
	o.Spool, o.Workers = filepath.Join(dir, "spool"), 1
	c, err := client.New(profile, key, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(clienttest.ProtectedDescriptor))
	if err != nil {
		t.Fatal(err)
	}
	p, err := publish.PrepareAppend(t.Context(), c, src, publish.DataFiles([]string{filepath.Join(dir, "more.csv")}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), c, p, nil); err != nil {
		t.Fatal(err)
	}
}

// killer kills a process at its nth request that changes something, or waits for a change.
type killer struct {
	at      int64
	serve   bool // the request is served nevertheless
	count   atomic.Int64
	once    sync.Once
	killed  atomic.Bool
	child   *exec.Cmd
	started chan struct{} // closed once the child runs
}

func (k *killer) see(_ int, r *http.Request, _ []byte) {
	if r.Method == http.MethodGet && !strings.Contains(r.URL.RawQuery, "wait") {
		return
	}
	if k.count.Add(1) != k.at {
		return
	}
	<-k.started
	k.once.Do(func() {
		k.killed.Store(true)
		_ = k.child.Process.Kill() // SIGKILL; it may have ended
	})
	if !k.serve {
		panic(http.ErrAbortHandler)
	}
}

// An append that is killed, whatever it was doing, is taken up by the same command: it
// ends with the version live, the readings that the next append needs are here, and
// buyers get the figures of the plaintext.
func TestAnAppendKilledAtAnyStepIsTakenUp(t *testing.T) {
	w := clienttest.New(t)
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	w.Must(w.Profile.Save(filepath.Join(dir, "profile")))
	w.Must(w.Keys[catalog.RolePublisher].Save(filepath.Join(dir, "key")))
	w.PublishFirms(w.Spooled(spool))
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	month, ended := 30, 0
	var serving sync.RWMutex // read-locked while a request is served
	for _, s := range w.Servers {
		inner := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			serving.RLock()
			defer serving.RUnlock()
			inner.ServeHTTP(rw, r)
		})
	}
	for at := int64(1); ; at++ {
		reached := false
		for _, serve := range []bool{false, true} {
			csv := clienttest.FirmsCSV(clienttest.ManyFirms, month, month+1)
			w.Must(os.WriteFile(filepath.Join(dir, "more.csv"), []byte(csv), 0o600))
			k := &killer{at: at, serve: serve, started: make(chan struct{}), child: exec.CommandContext(w.Ctx, os.Args[0], "-test.run=^TestAppendInAChild$")} //nolint:gosec // this program
			k.child.Env = append(os.Environ(), childDir+"="+dir)
			var said strings.Builder
			k.child.Stdout, k.child.Stderr = &said, &said
			w.Watch(k.see)
			w.Must(k.child.Start())
			close(k.started)
			err := k.child.Wait()
			w.Watch(nil)
			serving.Lock()   // what the child asked for last is done, or will never be
			serving.Unlock() //nolint:staticcheck // nothing is to be done while nothing is served
			if reached = k.killed.Load(); !reached && err != nil {
				t.Fatalf("step %d: %v\n%s", at, err, said.String())
			}
			step := fmt.Sprintf("killed at step %d, served %t", at, serve)
			again := w.Spooled(spool)
			_, err = w.Append(again, csv)
			var nothing *publish.NothingNewError
			switch {
			case errors.As(err, &nothing) && nothing.Interrupted == reached:
				if !reached {
					break
				}
				ended++
				done, err := publish.EndInterrupted(w.Ctx, again, "works")
				if err != nil || done.Version != nothing.Version || done.Periods != month+1 || done.Readings != clienttest.ManyFirms*(month+1) {
					t.Fatalf("%s: %+v, %v", step, done, err)
				}
			case err != nil:
				t.Fatalf("%s: %v", step, err)
			}
			month++
			if d := cmp.Diff(clienttest.FirmsTruth(clienttest.ManyFirms, month), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
				t.Fatalf("%s (-plaintext +answer)\n%s", step, d)
			}
			if uploads, err := filepath.Glob(filepath.Join(spool, "*", "manifest")); err != nil || len(uploads) != 0 {
				t.Errorf("%s: uploads %v are left, %v", step, uploads, err)
			}
		}
		if !reached {
			t.Logf("killed at each of %d steps, %d versions went live without the publisher", at-1, ended)
			if at < 8 || ended == 0 {
				t.Error("the steps were not those of an append")
			}
			return
		}
	}
}

// A machine that lost its records makes them again from the files of the publication and
// of what was appended and corrected since, in their order, and appends as before.
func TestRecordsAreMadeAgainFromTheFilesOfAppendsAndCorrections(t *testing.T) {
	w := clienttest.New(t)
	spool := filepath.Join(t.TempDir(), "spool")
	publisher := w.Spooled(spool)
	w.PublishFirms(publisher)
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	_, err := publish.AppendRegistry(w.Ctx, publisher, "firms", [][]string{{"a-later-one", "east"}}, nil)
	w.Must(err)
	parts := []string{clienttest.FirmsCSV(clienttest.ManyFirms, 0, 30), clienttest.FirmsCSV(clienttest.ManyFirms, 30, 32) + "a-later-one,2022-07,1.00\n",
		"firm,month,NOX\nf004,2022-08,500.00\nf005,2022-08,600.00\nf004,2020-03,\n"}
	for _, csv := range parts[1:] {
		_, err := w.Append(publisher, csv)
		w.Must(err)
	}
	w.Must(os.RemoveAll(spool))
	other := w.Spooled(spool)
	next := clienttest.FirmsCSV(clienttest.ManyFirms, 32, 33)
	_, err = w.Append(other, next)
	var need *publish.NeedPeriodsError
	if !errors.As(err, &need) || need.Version != 3 || !strings.Contains(err.Error(), "weir dataset remember DESCRIPTOR.yaml FILES --version 3") {
		t.Fatalf("without records: %v", err)
	}
	for version := 1; version <= 3; version++ {
		var files []panel.File
		for i, csv := range parts[:version] {
			files = append(files, panel.File{Name: fmt.Sprintf("%d.csv", i), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }})
		}
		p, err := publish.PrepareRemembered(w.Ctx, other, w.Source(), files, version, nil)
		w.Must(err)
		w.Must(publish.Remember(w.Ctx, other, p, version))
		if version == 2 {
			_, err := publish.PrepareRemembered(w.Ctx, other, w.Source(), append(files, files[0]), version, nil)
			if err == nil || !strings.Contains(err.Error(), "is given twice") {
				t.Errorf("a file twice: %v", err)
			}
		}
	}
	done, err := w.Append(other, next)
	w.Must(err)
	if want := (news.Changes{}); done.Changes == nil || *done.Changes != want || len(done.Lost) != 0 {
		t.Errorf("with the records: %+v", done)
	}
	west := 50000 + 60000 + clienttest.NOx(6, 31) + clienttest.NOx(7, 31) // f004 to f007
	rows := w.Rows(buyer, "SELECT county, SUM(nox) FROM works WHERE county = 'west' AND period = '2022-08' GROUP BY county")
	if want := []string{fmt.Sprintf("west %d.%02d", west/100, west%100)}; !cmp.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
}
