package ask_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// cacheTest is a client of the air dataset's owner, whose clock is set, and what it asks the nodes to compile queries.
type cacheTest struct {
	*clienttest.World
	client *client.Client
	later  atomic.Int64

	mu    sync.Mutex
	reads []string
}

func newCacheTest(t *testing.T) *cacheTest {
	x := &cacheTest{World: clienttest.New(t)}
	x.PublishAir()
	o, start := x.Options(), time.Now()
	o.Now = func() time.Time { return start.Add(time.Duration(x.later.Load())) }
	c, err := client.New(x.Profile, x.Keys[catalog.RolePublisher], o)
	x.Must(err)
	t.Cleanup(c.Close)
	x.client = c
	x.Watch(func(_ int, r *http.Request, _ []byte) {
		if p := r.URL.Path; strings.HasPrefix(p, "/v1/datasets") && !strings.Contains(p, "/versions") && !strings.Contains(p, "/descriptors") || strings.HasPrefix(p, "/v1/registries") {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.reads = append(x.reads, r.Method+" "+p)
		}
	})
	return x
}

// asks asks a query, and returns what was read for it of datasets and registries.
func (x *cacheTest) asks(text string, o ask.Options) (rows, reads string) {
	x.Helper()
	x.mu.Lock()
	x.reads = nil
	x.mu.Unlock()
	r, err := ask.Query(x.Ctx, x.client, text, o)
	x.Must(err)
	x.mu.Lock()
	defer x.mu.Unlock()
	return fmt.Sprint(r.Table.Rows), strings.Join(x.reads, ", ")
}

func TestNextQueriesAreCompiledByWhatWasReadShortlyBefore(t *testing.T) {
	x := newCacheTest(t)
	registries, err := client.Registries.All(x.Ctx, x.client)
	x.Must(err)
	registry := "/v1/registries/" + registries[0].ID
	all := "GET /v1/datasets, GET " + registry
	values := "POST " + registry + "/values"
	for i, step := range []struct {
		sql   string
		later time.Duration
		o     ask.Options
		reads string
	}{
		{"SELECT SUM(pm10) FROM air", 0, ask.Options{}, all},
		{"SELECT SUM(pm25) FROM air", time.Second, ask.Options{}, ""},
		{"SELECT SUM(pm25) FROM air WHERE county = 'north'", time.Second, ask.Options{}, values},
		{"SELECT SUM(pm10) FROM air WHERE county = 'north'", time.Second, ask.Options{}, ""},
		{"SELECT SUM(pm10) FROM air WHERE county IN ('north', 'south')", time.Second, ask.Options{}, values},
		{"SELECT SUM(pm10) FROM air WHERE county IN ('south', 'north')", 900 * time.Millisecond, ask.Options{}, ""},
		{"SELECT SUM(pm10) FROM air", time.Second, ask.Options{}, all}, // five seconds after the first
		{"SELECT SUM(pm10) FROM air WHERE county = 'north'", 0, ask.Options{}, ""},
		// The request has the values that rows have.
		{"SELECT SUM(pm10) FROM air WHERE county LIKE '%th'", 0, ask.Options{}, all + ", GET " + registry + "/rows"},
		{"SELECT SUM(pm10) FROM air WHERE county LIKE '%th'", 0, ask.Options{}, all},
		// The file of an answer is named by the newest version.
		{"SELECT SUM(pm10) FROM air", 0, ask.Options{Store: t.TempDir()}, "GET /v1/datasets/air"},
		{"SELECT SUM(pm10) FROM air", -10 * time.Second, ask.Options{}, all},
	} {
		x.later.Add(int64(step.later))
		if _, reads := x.asks(step.sql, step.o); reads != step.reads {
			t.Errorf("%d: %s: read %q, want %q", i, step.sql, reads, step.reads)
		}
	}
}

// What was not there yet when datasets and registries were read is found, and a query that compiles by what is no longer so is
// answered by what is.
func TestQueriesThatDoNotCompileByWhatWasReadAreCompiledAnew(t *testing.T) {
	x := newCacheTest(t)
	x.asks("SELECT SUM(pm10) FROM air", ask.Options{})
	other := strings.NewReplacer("dataset: air", "dataset: other", "pm10", "dust").Replace(clienttest.PublicDescriptor)
	csv, _, _ := clienttest.AirCSV()
	publisher := x.Client(catalog.RolePublisher)
	done, err := publish.Publish(x.Ctx, publisher, x.Prepare(publisher, other, csv), nil)
	x.Must(err)
	if done.Dataset != "other" {
		t.Fatalf("published %+v", done)
	}
	if rows, _ := x.asks("SELECT SUM(dust) FROM other", ask.Options{}); rows != "[[6120]]" {
		t.Errorf("a new dataset: %s", rows)
	}
	var fault *sql.Error
	for text, near := range map[string]string{"SELECT SUM(pm52) FROM air": "pm52", "SELECT SUM(pm10) FROM air WHERE county = 'east'": "'east'"} {
		if _, err := ask.Query(x.Ctx, x.client, text, ask.Options{}); !errors.As(err, &fault) || fault.Near != near {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// An answer of one's own stands for the newest version and descriptor alone, however fresh what was read before is.
func TestOwnAnswersStandForNoNewerDatasetThatIsCached(t *testing.T) {
	x := newCacheTest(t)
	const text = "SELECT SUM(pm10) FROM air"
	o := ask.Options{Store: t.TempDir()}
	stored := func() bool {
		t.Helper()
		r, err := ask.Query(x.Ctx, x.client, text, o)
		x.Must(err)
		return !r.Stored.IsZero()
	}
	if stored() || !stored() {
		t.Fatal("the second answer is not the own one")
	}
	renamed := strings.Replace(clienttest.PublicDescriptor, "en: Air", "en: Air of stations", 1)
	publisher := x.Client(catalog.RolePublisher)
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(renamed))
	x.Must(err)
	amendment, err := publish.Compare(x.Ctx, publisher, src.Descriptor)
	x.Must(err)
	x.Must(publish.Amend(x.Ctx, publisher, amendment))
	if stored() {
		t.Error("an answer by an earlier descriptor")
	}
	if !stored() {
		t.Error("the answer by the amended descriptor is not kept")
	}
	csv, _, _ := clienttest.AirCSV()
	_, err = publish.Publish(x.Ctx, publisher, x.Prepare(publisher, renamed, strings.Replace(csv, ",50\n", ",51\n", 1)), nil)
	x.Must(err)
	if stored() {
		t.Error("an answer of an earlier version")
	}
}

func TestConcurrentQueriesOfOneClient(t *testing.T) {
	x := newCacheTest(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 4 {
				x.later.Add(int64(700 * time.Millisecond))
				text := "SELECT SUM(pm10) FROM air WHERE county IN ('north', 'south')"
				if (i+j)%2 == 0 {
					text = "SELECT SUM(pm10) FROM air WHERE county LIKE '%th'"
				}
				r, err := ask.Query(x.Ctx, x.client, text, ask.Options{})
				if err != nil || fmt.Sprint(r.Table.Rows) != "[[6120]]" {
					t.Errorf("%s: %v, %v", text, r, err)
				}
			}
		})
	}
	all.Wait()
}
