package feed_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/publish"
)

// What FEED.md tells a newcomer to try works as it stands there.
func TestTheDocumentsExampleWorksAsItIsWritten(t *testing.T) {
	text, err := os.ReadFile("FEED.md")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{World: clienttest.New(t), dir: t.TempDir(), now: time.Date(2026, 12, 1, 10, 30, 0, 0, time.FixedZone("", 8*3600))}
	files := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```[a-z]+ ([a-z]+[.][a-z]+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		files[m[1]] = m[2]
		b.Must(os.WriteFile(filepath.Join(b.dir, m[1]), []byte(m[2]), 0o600))
	}
	rows, err := csv.NewReader(strings.NewReader(files["stacks.csv"])).ReadAll()
	b.Must(err)
	c := b.Spooled(filepath.Join(b.dir, "uploads"))
	_, err = publish.Registry(b.Ctx, c, publish.RegistryTable{ID: "stacks", IDColumn: rows[0][0], Columns: rows[0][1:], Rows: rows[1:]}, nil)
	b.Must(err)
	config, err := feed.ReadConfig(filepath.Join(b.dir, "feed.yaml"))
	b.Must(err)
	f, err := feed.New(c, config, feed.Options{Now: b.clock, Stdin: strings.NewReader(files["lines.csv"])})
	b.Must(err)
	b.Must(f.Run(b.Ctx))
	b.Must(f.Close())
	m := regexp.MustCompile("(?s)--as bureau \"(SELECT [^\"]*)\"` has their sum, ([0-9]+[.][0-9]+)").FindSubmatch(text)
	if m == nil {
		t.Fatal("the document asks nothing")
	}
	if d := cmp.Diff([]string{"north 2026-12-01T08 " + string(m[2])}, b.Rows(b.Client(catalog.RolePublisher), string(m[1]))); d != "" {
		t.Errorf("(-document +published)\n%s", d)
	}
	s, err := feed.ReadState(filepath.Join(b.dir, "feed"))
	if b.Must(err); s.Appended == nil || s.Appended.Version != 1 || s.Unpublished["few"] != 1 {
		t.Errorf("%+v", s)
	}
}
