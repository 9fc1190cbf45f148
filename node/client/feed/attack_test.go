package feed_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/node/client/feed"
)

// Of a period whose readings were dropped nothing is published anew: not when the clock, which
// was ahead, goes back, nor when corrections.within grows. Corrections go on by the clock as it is.
func TestWhatWasForgottenIsNotMadeAnewOfWhatCameBehind(t *testing.T) {
	b := newBench(t)
	r := b.start("ahead", mapped+fromLines, feed.Options{})
	post := func(lines string) {
		t.Helper()
		if status, text := r.posts("", lines); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	post(`{"mn":"D1","at":"2026-12-01T08:05:00+08:00","a21002":1}
{"mn":"D1","at":"2026-12-01T08:15:00+08:00","a21002":2}
{"mn":"D1","at":"2026-12-01T08:25:00+08:00","a21002":6}`)
	b.Must(r.Append(b.Ctx))
	b.later(100 * time.Hour)
	b.Must(r.Append(b.Ctx))
	b.later(-100 * time.Hour)
	b.Must(r.Append(b.Ctx))
	post(`{"mn":"D1","at":"2026-12-01T08:35:00+08:00","a21002":50}
{"mn":"D1","at":"2026-12-01T08:45:00+08:00","a21002":70}
{"mn":"D1","at":"2026-12-01T09:05:00+08:00","a21005":1}`)
	b.Must(r.Append(b.Ctx))
	post(`{"mn":"D1","at":"2026-12-01T09:05:00+08:00","a21005":2}`)
	b.later(7 * time.Hour)
	b.Must(r.Append(b.Ctx))
	b.Must(r.end())
	if d := cmp.Diff([]string{"station 0001 2026-12-01T08 3.000 <nil>", "station 0001 2026-12-01T09 <nil> 2000"}, b.rows("ahead")); d != "" {
		t.Errorf("(-readings +published)\n%s", d)
	}
	if n := r.state().PassedOver["too_late"]; n != 2 {
		t.Errorf("%d readings were too late", n)
	}
}

// What is kept of a dataset is not published in another one by a configuration that was copied.
func TestADirectoryIsOfOneDataset(t *testing.T) {
	b := newBench(t)
	r := b.start("first", mapped+fromLines, feed.Options{})
	b.Must(r.end())
	b.Must(os.MkdirAll(filepath.Join(b.dir, "second"), 0o700))
	text, err := os.ReadFile(filepath.Join(b.dir, "first", "descriptor.yaml"))
	b.Must(err)
	b.Must(os.WriteFile(filepath.Join(b.dir, "second", "descriptor.yaml"), []byte(strings.Replace(string(text), "dataset: first", "dataset: second", 1)), 0o600))
	config, err := feed.ParseConfig(filepath.Join(b.dir, "second", "feed.yaml"), []byte("dataset: second\ndescriptor: descriptor.yaml\ndir: ../first/feed\nlateness: 5m\ncorrections: {every: 6h, within: 72h}\n"+mapped+fromLines))
	b.Must(err)
	f, err := feed.New(b.Spooled(filepath.Join(b.dir, "uploads")), config, feed.Options{})
	var wrong *feed.ConfigError
	if f != nil || !errors.As(err, &wrong) || !strings.Contains(wrong.Message, "has readings of dataset first of cluster") {
		t.Errorf("%v", err)
	}
}

// Pages of the web that somebody on this machine looks at send nothing.
func TestLinesWithoutATokenAreTakenFromProgramsAlone(t *testing.T) {
	b := newBench(t)
	r := b.start("pages", mapped+fromLines, feed.Options{})
	for _, c := range []struct {
		host, name, value string
		want              int
	}{
		{"", "Sec-Fetch-Site", "cross-site", http.StatusForbidden}, {"", "Origin", "https://example.org", http.StatusForbidden},
		{"feed.example.org", "Sec-Fetch-Site", "same-origin", http.StatusForbidden}, {"feed.example.org:9213", "Accept", "*/*", http.StatusForbidden},
		{"localhost:9213", "Accept", "*/*", http.StatusOK}, {"[::1]:9213", "Accept", "*/*", http.StatusOK}, {"", "Accept", "*/*", http.StatusOK},
	} {
		q, err := http.NewRequestWithContext(b.Ctx, http.MethodPost, "http://"+r.Address("gateway")+"/lines", strings.NewReader(`{"mn":"D1","at":"2026-12-01T08:05:00+08:00","a21005":1}`))
		b.Must(err)
		q.Host = c.host
		q.Header.Set(c.name, c.value)
		a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(q)
		b.Must(err)
		b.Must(a.Body.Close())
		if a.StatusCode != c.want {
			t.Errorf("%+v: %d", c, a.StatusCode)
		}
	}
	b.Must(r.end())
}

// What others choose the names of does not make the state grow, and their texts are cut.
func TestTheStateDoesNotGrowWithWhatIsSent(t *testing.T) {
	b := newBench(t)
	r := b.start("grows", "unknown: {codes: ignore}\n"+mapped+fromLines, feed.Options{})
	var lines strings.Builder
	for i := range 500 {
		flag := fmt.Sprint(i)
		if i < 200 {
			flag = string(rune('#' + i%90))
		}
		fmt.Fprintf(&lines, `{"mn":"D1","at":"2026-12-01T08:05:00+08:00","a21005":1,"a21005-Flag":%q}`+"\n", flag)
	}
	fmt.Fprintf(&lines, `{"mn":"D1","at":"2026-12-01T08:05:00+08:00","%s":1}`+"\n", strings.Repeat("码", 10_000))
	if status, text := r.posts("", lines.String()); status != http.StatusOK {
		t.Fatal(text)
	}
	b.Must(r.end())
	s := r.state()
	if x := s.Sources["gateway"].Flags; len(x) > 70 || x["other"] < 300 {
		t.Errorf("%d flags, %d of them others", len(x), x["other"])
	}
	if text := s.Examples["unknown_code"]; len(text) > 250 || !strings.HasPrefix(text, "码码") {
		t.Errorf("an example of %d bytes", len(text))
	}
}

// A file that cannot be read says nothing of the header that is to be expected.
func TestAFaultyFileIsNoExampleOfTheHeader(t *testing.T) {
	b := newBench(t)
	in := filepath.Join(b.dir, "faulty", "in")
	b.Must(os.MkdirAll(in, 0o700))
	b.Must(os.WriteFile(filepath.Join(in, "a.csv"), []byte("station 0001,2026-12-01T08,1.25,10\nstation 0002,2026-12-01T08,1.25,10\n"), 0o600))
	r := b.start("faulty", `sources: [{name: laboratory, kind: directory, path: in, settle: 30ms}]`+"\n", feed.Options{})
	awaitState(t, filepath.Join(b.dir, "faulty"), func(s feed.State) bool {
		return s.Sources["laboratory"] != nil && s.Sources["laboratory"].Faults["file"] == 1
	})
	b.Must(os.WriteFile(filepath.Join(in, "b.csv"), []byte("station,hour,NOX,CO\nstation 0001,2026-12-01T08,1.25,10\n"), 0o600))
	awaitState(t, filepath.Join(b.dir, "faulty"), func(s feed.State) bool { return s.Kept.New == 2 })
	// One without a header ends the feed, and its readings do not go into the state.
	b.Must(os.WriteFile(filepath.Join(in, "c.csv"), []byte("station 0001,2026-12-01T09,918273.5,11\n"), 0o600))
	var changed *feed.ChangedError
	if err := <-r.ended; !errors.As(err, &changed) || !strings.Contains(err.Error(), "+ a number") || strings.Contains(err.Error(), "918273") {
		t.Errorf("%v", err)
	}
}
