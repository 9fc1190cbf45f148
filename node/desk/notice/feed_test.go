package notice

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// A feed that runs is no news, one that has stopped is told once, and once more after it has run in between; one that was
// never started has not stopped.
func TestAFeedThatStoppedIsTold(t *testing.T) {
	w := clienttest.New(t)
	c := w.Client(catalog.RolePublisher)
	dir := t.TempDir()
	config := filepath.Join(dir, "feed.yaml")
	text := strings.Replace(feed.Example, "dir: /var/lib/weir-feed", "dir: "+dir, 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []Notice
	watcher := New(Options{
		Look: Looker(c, []string{config, filepath.Join(dir, "none.yaml")}), Now: time.Now, Failed: func(err error) { t.Error(err) },
		Tell: func(_ context.Context, n Notice) error { told = append(told, n); return nil },
	})
	look := func(what string, want ...string) {
		t.Helper()
		told = nil
		watcher.look(w.Ctx)
		var words []string
		for _, n := range told {
			words = append(words, n.Words)
		}
		if !slices.Equal(words, want) {
			t.Errorf("%s: %q is told, want %q", what, words, want)
		}
	}
	const stopped = "the feed of dataset chimneys has stopped"
	run := func() (end func()) {
		t.Helper()
		s, err := spool.Open(filepath.Join(dir, "spool"), c.Key().Sealed())
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(feed.State{Dataset: "chimneys", Written: time.Now()})
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "state.json"), b, 0o600)); err != nil {
			t.Fatal(err)
		}
		return func() { w.Must(s.Close()) }
	}
	look("it was never started")
	end := run()
	look("it runs")
	end()
	look("it has stopped", stopped)
	look("it is as it was")
	end = run()
	look("it runs again")
	end()
	look("it has stopped again", stopped)
	if all := watcher.All(); len(all) != 2 || all[0].Event != (Event{KindFeed, "chimneys"}) {
		t.Errorf("the page is told of %+v", all)
	}
}
