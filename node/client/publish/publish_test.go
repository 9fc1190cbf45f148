package publish_test

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
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

func TestProtectedDatasetWithholdsSmallGroups(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(9), nil) // east 4, west 4, far 1
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.WorksCSV(9, 3)), nil)
	w.Must(err)
	w.Contract("works", catalog.OrderApprove{})
	res, err := ask.Query(w.Ctx, w.Client(catalog.RoleBuyer), "SELECT county, SUM(nox) FROM works GROUP BY county", ask.Options{})
	w.Must(err)
	// far is too small, and all that would be left of the firms: the smallest county
	// that is large enough stays with it.
	if res.Table.Withheld != 2 || len(res.Table.Rows) != 1 || fmt.Sprint(res.Table.Rows[0]) != "[west 1266.12]" {
		t.Errorf("withheld %d, rows %v", res.Table.Withheld, res.Table.Rows)
	}
	_, err = ask.Query(w.Ctx, w.Client(catalog.RoleBuyer), "SELECT SUM(nox) FROM works WHERE county = 'far'", ask.Options{})
	r, ok := client.IsRefused(err)
	if !ok || r.Kind != catalog.RefusedPolicy || r.Rule != "min_cohort" {
		t.Errorf("a group of one: %v", err)
	}
}

func TestNoReadingLeavesTheMachineInTheClear(t *testing.T) {
	w := clienttest.New(t)
	var mu sync.Mutex
	var seen bytes.Buffer
	w.Watch(func(_ int, r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen.WriteString(r.URL.String())
		seen.Write(body)
	})
	// The canary occurs once. It has so many digits that no digest has them in a row by chance.
	const (
		canary  = "48271.930417"
		units   = 48271930417
		centred = units - 50_000_000_000
	)
	descriptor := strings.Replace(clienttest.ProtectedDescriptor, "decimals: 2", "decimals: 6", 1)
	csv := strings.Replace(clienttest.WorksCSV(4, 3), "f002,2024-02,102.01", "f002,2024-02,"+canary, 1)
	if !strings.Contains(csv, canary) {
		t.Fatal("no canary in the data")
	}
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(4), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, descriptor, csv), nil)
	w.Must(err)
	mu.Lock()
	defer mu.Unlock()
	if seen.Len() < 45*8192 {
		t.Fatalf("the tap saw %d bytes, less than a tile", seen.Len())
	}
	for _, v := range []int64{units, centred} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var b [8]byte
			order.PutUint64(b[:], uint64(v))
			if bytes.Contains(seen.Bytes(), b[:]) {
				t.Errorf("the reading %d was sent as an integer", v)
			}
		}
	}
	for _, text := range []string{canary, fmt.Sprint(units), strings.TrimPrefix(fmt.Sprint(centred), "-")} {
		if bytes.Contains(seen.Bytes(), []byte(text)) {
			t.Errorf("the reading was sent as %q", text)
		}
	}
	for _, secret := range [][]byte{w.Keys[catalog.RolePublisher].Signing().Seed()} {
		if bytes.Contains(seen.Bytes(), secret) {
			t.Error("a private key was sent")
		}
	}
}

func TestRegistryIsResumedAndNotPublishedTwice(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	table := clienttest.Firms(6)
	for i := range table.Rows { // long enough for several chunks
		table.Rows[i] = append(table.Rows[i], strings.Repeat("长", 80))
	}
	table.Columns = append(table.Columns, "note")
	for i := range 900 {
		table.Rows = append(table.Rows, []string{fmt.Sprintf("g%04d", i), "west", strings.Repeat("长", 80)})
	}
	chunks := 0
	w.Cluster.Broken = func() error {
		if chunks++; chunks >= 4 { // look, create, first rows, then, whichever node is asked
			return api.ErrNoQuorum
		}
		return nil
	}
	if _, err := publish.Registry(w.Ctx, publisher, table, nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	w.Cluster.Broken = nil
	r, err := publisher.Registry(w.Ctx, "firms")
	w.Must(err)
	if r.Pending == 0 || r.Pending == len(table.Rows) {
		t.Fatalf("pending %d of %d", r.Pending, len(table.Rows))
	}
	first := 0
	done, err := publish.Registry(w.Ctx, publisher, table, func(done, _ int) {
		if first == 0 {
			first = done
		}
	})
	w.Must(err)
	if first <= r.Pending || done.Rows != len(table.Rows) {
		t.Errorf("the first chunk reached row %d, pending were %d; %+v", first, r.Pending, done)
	}
	again, err := publish.Registry(w.Ctx, publisher, table, nil)
	w.Must(err)
	if !again.Existed || again.Added != 0 {
		t.Errorf("again: %+v", again)
	}
	other := table
	other.Rows = table.Rows[1:]
	_, err = publish.Registry(w.Ctx, publisher, other, nil)
	clienttest.WantRule(t, err, catalog.RefusedConflict, "registry_exists")

	added, err := publish.AppendRegistry(w.Ctx, publisher, "firms", [][]string{{"new1", "east", ""}}, nil)
	w.Must(err)
	if added.Rows != len(table.Rows)+1 {
		t.Errorf("appended: %+v", added)
	}
	twice, err := publish.AppendRegistry(w.Ctx, publisher, "firms", [][]string{{"new1", "east", ""}}, nil)
	w.Must(err)
	if !twice.Existed || twice.Rows != added.Rows {
		t.Errorf("appended twice: %+v", twice)
	}
	rows, err := publisher.RegistryRows(w.Ctx, "firms", added.Rows)
	w.Must(err)
	if rows[len(rows)-1][0] != "new1" || rows[0][0] != "f000" {
		t.Errorf("rows %v … %v", rows[0], rows[len(rows)-1])
	}
}

// A registry that was refused in the middle, or given up, is no reason to refuse the
// mended one.
func TestARegistryTakesThePlaceOfADraftOfOtherRows(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	wrong := clienttest.Firms(6)
	wrong.Rows[3] = []string{"f\x1b003", "east"}
	_, err := publish.Registry(w.Ctx, publisher, wrong, nil)
	if r, ok := client.IsRefused(err); !ok || r.Kind != catalog.RefusedInvalid {
		t.Fatalf("a row with a control character: %v", err)
	}
	half, err := publisher.Registry(w.Ctx, "firms")
	w.Must(err)
	if half.Rows != 0 || half.Draft.IsZero() {
		t.Fatalf("no draft was left: %+v", half)
	}
	done, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(6), nil)
	w.Must(err)
	if done.Rows != 6 || done.Added != 6 {
		t.Errorf("published %+v", done)
	}
}

// What would be refused is refused before anything is sent, and a check sends
// nothing at all.
func TestListingTellsWhatPublishingWouldMeet(t *testing.T) {
	w := clienttest.New(t)
	c := w.Client(catalog.RolePublisher)
	csv, _, _ := clienttest.AirCSV()
	fresh := w.Prepare(c, clienttest.PublicDescriptor, csv)
	l, err := publish.CheckListing(w.Ctx, c, fresh)
	w.Must(err)
	if l.Dataset != nil || l.Registry != nil || l.Next != 1 {
		t.Errorf("of a new dataset: %+v", l)
	}
	if _, err := c.Registry(w.Ctx, "air"); err == nil {
		t.Error("the check listed the registry")
	}
	_, err = publish.Publish(w.Ctx, c, fresh, nil)
	w.Must(err)
	l, err = publish.CheckListing(w.Ctx, c, fresh)
	w.Must(err)
	if l.Dataset == nil || l.Registry == nil || l.Next != 2 {
		t.Errorf("of its second version: %+v", l)
	}
	_, err = publish.CheckListing(w.Ctx, c, w.Prepare(c, strings.Replace(clienttest.PublicDescriptor, "en: Air", "en: Other", 1), csv))
	clienttest.WantRule(t, err, catalog.RefusedConflict, "dataset_exists")
	other := strings.ReplaceAll(csv, "s1,", "s0,")
	if other == csv {
		t.Fatal("the data has no station s1")
	}
	_, err = publish.CheckListing(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, other))
	clienttest.WantRule(t, err, catalog.RefusedConflict, "registry_exists")
	_, err = publish.Registry(w.Ctx, c, clienttest.Firms(9), nil)
	w.Must(err)
	_, err = publish.CheckListing(w.Ctx, c, w.Prepare(c, strings.Replace(clienttest.ProtectedDescriptor, "[[county]]", "[[industry]]", 1), clienttest.WorksCSV(9, 3)))
	if r, ok := client.IsRefused(err); !ok || r.Kind != catalog.RefusedInvalid || !strings.Contains(explain.Message(r), `no attribute "industry"`) {
		t.Errorf("a cube of an attribute that the registry lacks: %v", err)
	}
	for name, says := range map[string]string{"works.nox": "no protected dataset \"works\"", "air.pm25": "no protected dataset \"air\""} {
		text := strings.NewReplacer("dataset: works", "dataset: more", "cubes:", "related: [[nox, "+name+"]], cubes:").Replace(clienttest.ProtectedDescriptor)
		_, err = publish.CheckListing(w.Ctx, c, w.Prepare(c, text, clienttest.WorksCSV(9, 3)))
		if r, ok := client.IsRefused(err); !ok || r.Field != "policy.related[0][1]" || !strings.Contains(explain.Message(r), says) {
			t.Errorf("related to %s: %v", name, err)
		}
	}
}

// A publisher whose version does not get on hears what it waits for.
func TestPublisherIsToldWhatAVersionWaitsFor(t *testing.T) {
	w := clienttest.New(t)
	polls := 0
	var waited []string
	inner := w.Servers[0].Config.Handler
	w.Servers[0].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
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
	csv, _, _ := clienttest.AirCSV()
	c := w.Client(catalog.RolePublisher)
	_, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, csv), func(p publish.Progress) {
		if p.Stage == publish.StageChecking && p.Waiting != "" {
			told = append(told, p.Waiting)
		}
	})
	w.Must(err)
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
	w := clienttest.New(t)
	opts := w.Options()
	opts.Spool = t.TempDir()
	c, err := client.New(w.Profile, w.Keys[catalog.RolePublisher], opts)
	w.Must(err)
	t.Cleanup(c.Close)
	csv, _, _ := clienttest.AirCSV()
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=manifest") {
			w.Cluster.Forget(func([]byte) bool { return true }) // and the node lost everything
			panic(http.ErrAbortHandler)
		}
	})
	if _, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, csv), nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	kept := uploads(t, opts.Spool)
	if kept != 1 {
		t.Fatalf("%d uploads are kept", kept)
	}
	// The key's shares are gone with the rest, as is the memory of this process.
	var sent atomic.Int64
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			sent.Add(1)
		}
	})
	done, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, csv), nil)
	w.Must(err)
	if sent.Load() != int64(done.Tiles) {
		t.Errorf("%d tiles were sent again, %d were lost", sent.Load(), done.Tiles)
	}
	if kept := uploads(t, opts.Spool); kept != 0 {
		t.Errorf("%d uploads are kept after the end", kept)
	}
	res, err := ask.Query(w.Ctx, c, "SELECT SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
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
	w := clienttest.New(t)
	w.PublishAir()
	c := w.Client(catalog.RolePublisher)
	w.Must(w.Cluster.SpoilKeyShare())
	csv, _, _ := clienttest.AirCSV()
	_, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, csv), nil)
	if !errors.Is(err, publish.ErrRejected) || !strings.Contains(err.Error(), "parity") {
		t.Errorf("got %v, want a rejection that names the parity", err)
	}
}

func TestAnotherDescriptorForTheSameDatasetIsRefused(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	c := w.Client(catalog.RolePublisher)
	csv, _, _ := clienttest.AirCSV()
	_, err := publish.Publish(w.Ctx, c, w.Prepare(c, strings.Replace(clienttest.PublicDescriptor, "en: Air", "en: Other", 1), csv), nil)
	clienttest.WantRule(t, err, catalog.RefusedConflict, "dataset_exists")
	again, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.PublicDescriptor, csv), nil)
	w.Must(err)
	if again.Version != 2 {
		t.Errorf("published again: %+v", again)
	}
}
