package feed_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/feed/hj212"
)

const fromLines = `sources: [{name: gateway, kind: lines, listen: "127.0.0.1:0", format: ndjson, device: mn, time: at}]` + "\n"

// A feed that was killed after a version went live and before it noted so publishes nothing
// twice: the spool as it was before the append is taken up again.
func TestWhatWasPublishedBeforeAKillIsNotPublishedAgain(t *testing.T) {
	b := newBench(t)
	r := b.start("twice", mapped+fromLines, feed.Options{})
	if status, text := r.posts("", `{"mn":"D1","at":"2026-12-01T09:05:00+08:00","a21005":"1.5"}`); status != 200 {
		t.Fatal(text)
	}
	b.Must(r.end())
	spool := filepath.Join(r.dir, "spool")
	b.Must(os.CopyFS(filepath.Join(b.dir, "before"), os.DirFS(spool)))
	r = b.start("twice", mapped+fromLines, feed.Options{})
	b.Must(r.Append(b.Ctx))
	b.Must(r.end())
	want := b.rows("twice")
	b.Must(os.RemoveAll(spool))
	b.Must(os.CopyFS(spool, os.DirFS(filepath.Join(b.dir, "before"))))
	r = b.start("twice", mapped+fromLines, feed.Options{})
	b.Must(r.Append(b.Ctx))
	if len(r.state().Pending) > 1 {
		t.Errorf("%+v", r.state())
	}
	b.Must(r.end())
	d, err := b.Client(catalog.RolePublisher).Dataset(b.Ctx, "twice")
	if b.Must(err); d.Versions != 1 || len(r.state().Pending) != 0 {
		t.Errorf("%d versions, %+v", d.Versions, r.state())
	}
	if x := cmp.Diff(want, b.rows("twice")); x != "" {
		t.Error(x)
	}
}

// Nodes that cannot be reached do not keep a feed from taking readings.
func TestReadingsAreTakenWhileNoNodeAnswers(t *testing.T) {
	b := newBench(t)
	nodes := b.Profile.Nodes
	away := make([]client.ProfileNode, len(nodes))
	copy(away, nodes)
	for i := range away {
		away[i].Addr = "https://127.0.0.1:1"
	}
	b.Profile.Nodes, b.Profile.Addr = away, ""
	r := b.start("away", mapped+fromLines, feed.Options{})
	if status, text := r.posts("", `{"mn":"D1","at":"2026-12-01T09:05:00+08:00","a21005":"1.5"}`); status != 200 {
		t.Fatal(text)
	}
	if err := r.Append(b.Ctx); err == nil {
		t.Error("it was published")
	}
	b.Must(r.end())
	if s := r.state(); s.Error == nil || s.Stopped != nil || len(s.Pending) != 1 || s.Kept.New != 1 {
		t.Errorf("%+v", s)
	}
	b.Profile.Nodes, b.Profile.Addr = nodes, nodes[0].Addr
	r = b.start("away", mapped+fromLines, feed.Options{})
	b.Must(r.Append(b.Ctx))
	b.Must(r.end())
	if s := r.state(); s.Error != nil || s.Appends != 1 || len(s.Pending) != 0 {
		t.Errorf("%+v", s)
	}
	if x := cmp.Diff([]string{"station 0001 2026-12-01T09 <nil> 1500"}, b.rows("away")); x != "" {
		t.Error(x)
	}
}

// One feed of a directory runs at a time, and its schedule of corrections is kept over
// restarts.
func TestOneFeedOfADirectoryAtATime(t *testing.T) {
	b := newBench(t)
	r := b.start("one", mapped+fromLines, feed.Options{})
	config, err := feed.ParseConfig(filepath.Join(b.dir, "one", "feed.yaml"), []byte("dataset: one\ndescriptor: descriptor.yaml\ndir: feed\nlateness: 5m\ncorrections: {every: 6h, within: 72h}\n"+mapped+fromLines))
	b.Must(err)
	if _, err := feed.New(b.Spooled(b.dir), config, feed.Options{}); err == nil || !strings.Contains(err.Error(), "a feed runs in") {
		t.Errorf("%v", err)
	}
	b.Must(r.Append(b.Ctx))
	b.Must(r.end())
	next := r.state().NextCorrection
	b.later(time.Hour)
	r = b.start("one", mapped+fromLines, feed.Options{})
	b.Must(r.end())
	if got := r.state().NextCorrection; !got.Equal(next) || next.IsZero() {
		t.Errorf("the next correction is %s, was %s", got, next)
	}
}

// FEED.md names every kind that is counted.
func TestTheDocumentNamesEveryKindThatIsCounted(t *testing.T) {
	text, err := os.ReadFile("FEED.md")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, f := range []hj212.Fault{hj212.FaultGarbage, hj212.FaultCRC, hj212.FaultOtherCRC, hj212.FaultEnd, hj212.FaultTooLong, hj212.FaultHead, hj212.FaultRegion, hj212.FaultKey} {
		kinds = append(kinds, string(f))
	}
	for _, l := range []hj212.Leniency{hj212.LenientCRC, hj212.LenientEnd, hj212.LenientLength, hj212.LenientTooLong, hj212.LenientOrder, hj212.LenientName, hj212.LenientUnknown,
		hj212.LenientMissing, hj212.LenientForm, hj212.LenientPackets, hj212.LenientRepeated, hj212.LenientItem, hj212.LenientSplitter} {
		kinds = append(kinds, string(l))
	}
	// What the sources count and pass over, by their own text.
	called := regexp.MustCompile(`(?:passOver\(|Faults\[|fault\(|without\[)"([a-z_]+)"`)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range called.FindAllStringSubmatch(string(source), -1) {
			kinds = append(kinds, m[1])
		}
	}
	if len(kinds) < 35 {
		t.Errorf("only %d kinds", len(kinds))
	}
	for _, k := range append(kinds, "few", "several", "missing", "out_of_range", "more_decimals") {
		if !strings.Contains(string(text), "`"+k+"`") {
			t.Errorf("FEED.md does not name %s", k)
		}
	}
}
