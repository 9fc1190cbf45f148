package client_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
)

const protectedDescriptor = `
dataset: works
title: {en: Works}
license: internal
entity: {registry: firms, column: firm}
period: {column: month, grain: month}
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 100000], decimals: 2}
policy: {aggregates: [count, sum, avg], grain: month, min_cohort: 2, cubes: [[county]]}
`

func worksCSV(firms, months int) string {
	var b strings.Builder
	b.WriteString("firm,month,NOX\n")
	for m := range months {
		for f := range firms {
			fmt.Fprintf(&b, "f%03d,2024-%02d,%d.%02d\n", f, m+1, 100+f, m)
		}
	}
	return b.String()
}

func firms(n int) client.RegistryTable {
	t := client.RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"county"}}
	for i := range n {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("f%03d", i), []string{"east", "west", "far"}[min(i/4, 2)]})
	}
	return t
}

func TestProtectedDatasetWithholdsSmallGroups(t *testing.T) {
	w := newWorld(t)
	publisher := w.client(catalog.RolePublisher)
	_, err := publisher.PublishRegistry(w.ctx, firms(9), nil) // east 4, west 4, far 1
	w.must(err)
	_, err = publisher.PublishDataset(w.ctx, w.prepare(publisher, protectedDescriptor, worksCSV(9, 3)), nil)
	w.must(err)
	w.contract("works", catalog.OrderApprove{})
	res, err := w.client(catalog.RoleBuyer).Query(w.ctx, "SELECT county, SUM(nox) FROM works GROUP BY county", client.QueryOptions{})
	w.must(err)
	// far is too small, and all that would be left of the firms: the smallest county
	// that is large enough stays with it.
	if res.Table.Withheld != 2 || len(res.Table.Rows) != 1 || fmt.Sprint(res.Table.Rows[0]) != "[west 1266.12]" {
		t.Errorf("withheld %d, rows %v", res.Table.Withheld, res.Table.Rows)
	}
	_, err = w.client(catalog.RoleBuyer).Query(w.ctx, "SELECT SUM(nox) FROM works WHERE county = 'far'", client.QueryOptions{})
	r, ok := client.IsRefused(err)
	if !ok || r.Kind != catalog.RefusedPolicy || r.Rule != "min_cohort" {
		t.Errorf("a group of one: %v", err)
	}
}

func TestNoReadingLeavesTheMachineInTheClear(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var seen bytes.Buffer
	w.watch(func(_ int, r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen.WriteString(r.URL.String())
		seen.Write(body)
	})
	// The canary occurs once; 48271.93 is 4827193 hundredths, centred −172807.
	const canary = "48271.93"
	csv := strings.Replace(worksCSV(4, 3), "f002,2024-02,102.01", "f002,2024-02,"+canary, 1)
	if !strings.Contains(csv, canary) {
		t.Fatal("no canary in the data")
	}
	publisher := w.client(catalog.RolePublisher)
	_, err := publisher.PublishRegistry(w.ctx, firms(4), nil)
	w.must(err)
	_, err = publisher.PublishDataset(w.ctx, w.prepare(publisher, protectedDescriptor, csv), nil)
	w.must(err)
	mu.Lock()
	defer mu.Unlock()
	if seen.Len() < 48*8192 {
		t.Fatalf("the tap saw %d bytes, less than a tile", seen.Len())
	}
	for _, v := range []int64{4827193, 4827193 - 5_000_000} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var b [8]byte
			order.PutUint64(b[:], uint64(v))
			if bytes.Contains(seen.Bytes(), b[:]) {
				t.Errorf("the reading %d was sent as an integer", v)
			}
		}
	}
	for _, text := range []string{canary, "4827193", "172807"} {
		if bytes.Contains(seen.Bytes(), []byte(text)) {
			t.Errorf("the reading was sent as %q", text)
		}
	}
	for _, secret := range [][]byte{w.keys[catalog.RolePublisher].Signing().Seed()} {
		if bytes.Contains(seen.Bytes(), secret) {
			t.Error("a private key was sent")
		}
	}
}

func TestRegistryIsResumedAndNotPublishedTwice(t *testing.T) {
	w := newWorld(t)
	publisher := w.client(catalog.RolePublisher)
	table := firms(6)
	for i := range table.Rows { // long enough for several chunks
		table.Rows[i] = append(table.Rows[i], strings.Repeat("长", 80))
	}
	table.Columns = append(table.Columns, "note")
	for i := range 900 {
		table.Rows = append(table.Rows, []string{fmt.Sprintf("g%04d", i), "west", strings.Repeat("长", 80)})
	}
	chunks := 0
	w.cluster.Broken = func() error {
		if chunks++; chunks == 4 { // look, create, first rows, then
			return api.ErrNoQuorum
		}
		return nil
	}
	if _, err := publisher.PublishRegistry(w.ctx, table, nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	w.cluster.Broken = nil
	r, err := publisher.Registry(w.ctx, "firms")
	w.must(err)
	if r.Pending == 0 || r.Pending == len(table.Rows) {
		t.Fatalf("pending %d of %d", r.Pending, len(table.Rows))
	}
	first := 0
	done, err := publisher.PublishRegistry(w.ctx, table, func(done, _ int) {
		if first == 0 {
			first = done
		}
	})
	w.must(err)
	if first <= r.Pending || done.Rows != len(table.Rows) {
		t.Errorf("the first chunk reached row %d, pending were %d; %+v", first, r.Pending, done)
	}
	again, err := publisher.PublishRegistry(w.ctx, table, nil)
	w.must(err)
	if !again.Existed || again.Added != 0 {
		t.Errorf("again: %+v", again)
	}
	other := table
	other.Rows = table.Rows[1:]
	_, err = publisher.PublishRegistry(w.ctx, other, nil)
	wantRule(t, err, catalog.RefusedConflict, "registry_exists")

	added, err := publisher.AppendRegistry(w.ctx, "firms", [][]string{{"new1", "east", ""}}, nil)
	w.must(err)
	if added.Rows != len(table.Rows)+1 {
		t.Errorf("appended: %+v", added)
	}
	twice, err := publisher.AppendRegistry(w.ctx, "firms", [][]string{{"new1", "east", ""}}, nil)
	w.must(err)
	if !twice.Existed || twice.Rows != added.Rows {
		t.Errorf("appended twice: %+v", twice)
	}
	rows, err := publisher.RegistryRows(w.ctx, "firms", added.Rows)
	w.must(err)
	if rows[len(rows)-1][0] != "new1" || rows[0][0] != "f000" {
		t.Errorf("rows %v … %v", rows[0], rows[len(rows)-1])
	}
}

// A registry that was refused in the middle, or given up, is no reason to refuse the
// mended one.
func TestARegistryTakesThePlaceOfADraftOfOtherRows(t *testing.T) {
	w := newWorld(t)
	publisher := w.client(catalog.RolePublisher)
	wrong := firms(6)
	wrong.Rows[3] = []string{"f\x1b003", "east"}
	_, err := publisher.PublishRegistry(w.ctx, wrong, nil)
	if r, ok := client.IsRefused(err); !ok || r.Kind != catalog.RefusedInvalid {
		t.Fatalf("a row with a control character: %v", err)
	}
	half, err := publisher.Registry(w.ctx, "firms")
	w.must(err)
	if half.Rows != 0 || half.Draft.IsZero() {
		t.Fatalf("no draft was left: %+v", half)
	}
	done, err := publisher.PublishRegistry(w.ctx, firms(6), nil)
	w.must(err)
	if done.Rows != 6 || done.Added != 6 {
		t.Errorf("published %+v", done)
	}
}

// What would be refused is refused before anything is sent, and a check sends
// nothing at all.
func TestListingTellsWhatPublishingWouldMeet(t *testing.T) {
	w := newWorld(t)
	c := w.client(catalog.RolePublisher)
	csv, _, _ := airCSV()
	fresh := w.prepare(c, publicDescriptor, csv)
	l, err := c.Listing(w.ctx, fresh)
	w.must(err)
	if l.Dataset != nil || l.Registry != nil || l.Next != 1 {
		t.Errorf("of a new dataset: %+v", l)
	}
	if _, err := c.Registry(w.ctx, "air"); err == nil {
		t.Error("the check listed the registry")
	}
	_, err = c.PublishDataset(w.ctx, fresh, nil)
	w.must(err)
	l, err = c.Listing(w.ctx, fresh)
	w.must(err)
	if l.Dataset == nil || l.Registry == nil || l.Next != 2 {
		t.Errorf("of its second version: %+v", l)
	}
	_, err = c.Listing(w.ctx, w.prepare(c, strings.Replace(publicDescriptor, "en: Air", "en: Other", 1), csv))
	wantRule(t, err, catalog.RefusedConflict, "dataset_exists")
	other := strings.ReplaceAll(csv, "s1,", "s0,")
	if other == csv {
		t.Fatal("the data has no station s1")
	}
	_, err = c.Listing(w.ctx, w.prepare(c, publicDescriptor, other))
	wantRule(t, err, catalog.RefusedConflict, "registry_exists")
	_, err = c.PublishRegistry(w.ctx, firms(9), nil)
	w.must(err)
	_, err = c.Listing(w.ctx, w.prepare(c, strings.Replace(protectedDescriptor, "[[county]]", "[[industry]]", 1), worksCSV(9, 3)))
	if r, ok := client.IsRefused(err); !ok || r.Kind != catalog.RefusedInvalid || !strings.Contains(r.Message, `no attribute "industry"`) {
		t.Errorf("a cube of an attribute that the registry lacks: %v", err)
	}
}

// A publisher whose version does not get on hears what it waits for.
func TestPublisherIsToldWhatAVersionWaitsFor(t *testing.T) {
	w := newWorld(t)
	polls := 0
	var waited []string
	inner := w.servers[0].Config.Handler
	w.servers[0].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		state := []catalog.VersionState{catalog.VersionCommitted, catalog.VersionStored}
		if r.URL.Path != "/v1/datasets/air/versions/1" || r.URL.RawQuery == "" || polls == len(state) {
			inner.ServeHTTP(rw, r)
			return
		}
		waited = append(waited, r.URL.RawQuery)
		v := catalog.Version{Version: 1, State: state[polls], Acks: []string{"n1", "n3"}[:1+polls]}
		polls++
		rw.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(rw).Encode(v); err != nil {
			t.Error(err)
		}
	})
	var told []string
	csv, _, _ := airCSV()
	c := w.client(catalog.RolePublisher)
	_, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), func(p client.Progress) {
		if p.Stage == client.StageChecking && p.Waiting != "" {
			told = append(told, p.Waiting)
		}
	})
	w.must(err)
	want := []string{
		"version 1 is committed, and waits for enough nodes to hold it; not yet: n2, n3",
		"version 1 is stored by n1, n3, and waits for enough of them to open its parity",
	}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("(-want +told)\n%s", d)
	}
	if d := cmp.Diff([]string{"wait=5", "wait=20"}, waited); d != "" {
		t.Errorf("the first wait is not short (-want +got)\n%s", d)
	}
}

func TestInterruptedUploadGoesOnByDigest(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.Spool = t.TempDir()
	c, err := client.New(w.profile, w.keys[catalog.RolePublisher], opts)
	w.must(err)
	t.Cleanup(c.Close)
	csv, _, _ := airCSV()
	w.watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=manifest") {
			w.cluster.Forget(func([]byte) bool { return true }) // and the node lost everything
			panic(http.ErrAbortHandler)
		}
	})
	if _, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	kept := uploads(t, opts.Spool)
	if kept != 1 {
		t.Fatalf("%d uploads are kept", kept)
	}
	// The key's shares are gone with the rest, as is the memory of this process.
	var sent atomic.Int64
	w.watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			sent.Add(1)
		}
	})
	done, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), nil)
	w.must(err)
	if sent.Load() != int64(done.Tiles) {
		t.Errorf("%d tiles were sent again, %d were lost", sent.Load(), done.Tiles)
	}
	if kept := uploads(t, opts.Spool); kept != 0 {
		t.Errorf("%d uploads are kept after the end", kept)
	}
	res, err := c.Query(w.ctx, "SELECT SUM(pm10) FROM air", client.QueryOptions{})
	w.must(err)
	if got := fmt.Sprint(res.Table.Rows); got != "[[6120]]" {
		t.Errorf("rows %s", got)
	}
}

// uploads counts the directories of uploads under way.
func uploads(t *testing.T, dir string) (n int) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.IsDir() {
			n++
		}
	}
	return n
}

func TestVersionUnderAnotherKeyIsRejectedWithTheReason(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	c := w.client(catalog.RolePublisher)
	w.must(w.cluster.SpoilKeyShare())
	csv, _, _ := airCSV()
	_, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), nil)
	if !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), "parity") {
		t.Errorf("got %v, want a rejection that names the parity", err)
	}
}

func TestAnotherDescriptorForTheSameDatasetIsRefused(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	c := w.client(catalog.RolePublisher)
	csv, _, _ := airCSV()
	_, err := c.PublishDataset(w.ctx, w.prepare(c, strings.Replace(publicDescriptor, "en: Air", "en: Other", 1), csv), nil)
	wantRule(t, err, catalog.RefusedConflict, "dataset_exists")
	again, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), nil)
	w.must(err)
	if again.Version != 2 {
		t.Errorf("published again: %+v", again)
	}
}
