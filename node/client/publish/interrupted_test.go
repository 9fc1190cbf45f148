package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// The first version of a dataset is interrupted once the ledger has its proposal, and so is
// the same command that takes it up: the command after that ends it, as the one version that
// there is. Later ones publish the files again, as the next version. None is refused.
func TestAFirstPublicationIsTakenUpHoweverOftenItIsInterrupted(t *testing.T) {
	const waits = "wait" // for the nodes
	for _, last := range []string{string(catalog.KindVersionPropose), string(catalog.KindVersionCounts), string(catalog.KindVersionCommit), waits} {
		t.Run(last, func(t *testing.T) {
			w := clienttest.New(t)
			spool := t.TempDir()
			_, err := publish.Registry(w.Ctx, w.Spooled(spool), clienttest.Firms(9), nil)
			w.Must(err)
			command := func(ctx context.Context) (publish.Published, error) {
				c := w.Spooled(spool)
				p := w.Prepare(c, clienttest.ProtectedDescriptor, clienttest.WorksCSV(9, 3))
				defer p.Close() //nolint:errcheck // of a test
				return publish.Publish(ctx, c, p, nil)
			}
			for try := range 2 {
				ctx, interrupt := context.WithCancel(w.Ctx)
				w.Lies(func(path string, body []byte) []byte {
					var done wire.Submitted
					switch {
					case path == "/v1/envelopes" && json.Unmarshal(body, &done) == nil && string(done.Outcome.Kind) == last:
						interrupt()
					case last == waits && strings.HasSuffix(path, "/datasets/works/versions/1"):
						interrupt()
						// An answer that is on its way may still be read: by it the nodes have not ended.
						return bytes.Replace(body, []byte(`"state":"live"`), []byte(`"state":"stored"`), 1)
					}
					return body
				})
				_, err := command(ctx)
				w.Lies(nil)
				interrupt()
				if (try == 0 || err != nil) && !errors.Is(err, context.Canceled) {
					t.Fatalf("interrupted %d times: %v", try+1, err)
				}
			}
			for range 2 {
				done, err := command(w.Ctx)
				if err != nil || done.Entities != 9 || done.Periods != 3 || done.Readings != 27 {
					t.Fatalf("the same command again: %+v, %v", done, err)
				}
			}
			versions, err := w.Client(catalog.RolePublisher).Versions(w.Ctx, "works")
			w.Must(err)
			live := 0
			for _, v := range versions {
				if v.State == catalog.VersionLive {
					live++
				}
			}
			if live == 0 || versions[len(versions)-1].State != catalog.VersionLive {
				t.Errorf("versions %+v", versions)
			}
			if left, err := filepath.Glob(filepath.Join(spool, "*", "manifest")); err != nil || len(left) != 0 {
				t.Errorf("uploads %v are left, %v", left, err)
			}
		})
	}
}
