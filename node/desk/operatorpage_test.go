package desk

import (
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/objects"
)

// revived is a server where another one was that was closed.
func revived(w *clienttest.World, dead *httptest.Server) *httptest.Server {
	w.Helper()
	listener, err := net.Listen("tcp", dead.Listener.Addr().String())
	w.Must(err)
	s := httptest.NewUnstartedServer(dead.Config.Handler)
	w.Must(s.Listener.Close())
	s.Listener = listener
	s.StartTLS()
	w.Cleanup(s.Close)
	return s
}

// An operator's pages, clicked: a node dies and returns, a key waits for a node, an organisation is admitted, backups are
// listed, and a fork is shown with its proof. A buyer's desk says what the pages are for.
func TestAnOperatorInABrowser(t *testing.T) {
	longrun.Only(t)
	chromium(t)
	w := clienttest.New(t)
	w.PublishAir()
	w.Lying(func(node int, path string, body []byte) []byte {
		switch {
		case path == "/v1/status":
			return clienttest.Changed(t, body, func(s *wire.Status) {
				s.Version, s.Ledger.Term, s.Ledger.Leader, s.Ledger.Commit, s.Ledger.Applied, s.Ledger.FreeBytes = "v1.0.0", 4, "n1", 120, 120, 512<<30
				s.Ledger.State = []string{"leader", "follower", "follower"}[node]
				s.Blobs = wire.BlobStatus{Stored: 1204, Bytes: 473 << 20, LastScrub: 1_790_000_000_000}
				if node == 1 {
					s.Ledger.Applied, s.Blobs.Damaged = 98, 1
				}
			})
		case strings.HasPrefix(path, "/v1/keys/") && !strings.Contains(path, "/shares/"):
			return clienttest.Changed(t, body, func(k *catalog.Key) {
				k.Refresh = &catalog.Refresh{State: catalog.KeyDealing, Attempt: 2, Acked: []bool{true, true, false}}
			})
		}
		return body
	})
	archive := t.TempDir()
	m := backup.Manifest{Version: 1, Cluster: w.Profile.Cluster, Made: 1_790_000_000_000, Size: 118, Root: catalog.Digest{1}, Blobs: []backup.Part{{Bytes: 1 << 20}}}
	manifest, err := json.Marshal(m)
	w.Must(err)
	w.Must(objects.Directory(archive).Put(w.Ctx, "manifests/"+m.Name()+".json", manifest))

	v := visit(t, Options{Client: w.Client(catalog.RoleOperator), Dir: t.TempDir(), Archive: archive, Watch: 200 * time.Millisecond, Version: "test"})
	b := openBrowser(t, t.TempDir(), true)
	b.run("open the link", chromedp.Navigate(v.desk.Link()))
	b.click("header nav a", "Nodes")
	b.text("3 of 3 can take work")
	b.text("n1 leads.")
	b.settled()
	b.look("nodes")
	w.Servers[2].CloseClientConnections()
	w.Servers[2].Close()
	b.text("2 of 3 can take work")
	b.text("does not answer")
	b.text("Node n3 does not answer.") // a notice, on whatever page
	b.text("nothing listens at its address")
	b.speak("zh")
	b.text("该地址无程序监听")
	b.text("节点 n3（" + w.Profile.Nodes[2].Addr + "）没有给出状态：该地址无程序监听")
	b.speak("en")
	b.look("nodes-away")
	b.click("main section button", "Dismiss")
	b.sees("the notice is gone", "!document.querySelector('main').innerText.includes('Node n3 does not answer.')")
	b.complaints() // what is loaded while a node is away may be told by the browser
	w.Servers[2] = revived(w, w.Servers[2])
	b.text("3 of 3 can take work")

	b.click(".parts a", "Keys")
	b.text("attempt 2 is dealing and waits for n3")
	b.speak("zh")
	b.text("第 2 次尝试（正在分发），等待 n3")
	b.speak("en")
	b.settled()
	b.look("keys")
	w.Lies(nil)
	b.click("main button", "Share it anew")
	b.text("waiting until all nodes are up")
	b.click(".parts a", "Seats")
	b.text("2 of 3 nodes open together.")
	b.settled()
	b.look("roster")

	b.click(".parts a", "Organisations")
	b.text("the publisher")
	bank, err := client.NewKey("Bank of Hengshui")
	w.Must(err)
	file := filepath.Join(t.TempDir(), "bank.key")
	w.Must(bank.Save(file))
	b.run("drop a private key", chromedp.SetUploadFiles(chromedp.CSS("input[name=public]"), []string{file}))
	b.text("holds a private key")
	b.run("drop the public key", chromedp.SetUploadFiles(chromedp.CSS("input[name=public]"), []string{file + ".pub"}))
	b.text("Bank of Hengshui")
	b.text(bank.ID())
	b.complaints() // that the private key was refused
	b.look("admit")
	b.click("main button", "Sign and admit")
	b.text("Bank of Hengshui is admitted as buyer.")
	principals, err := client.Principals.All(w.Ctx, w.Client(catalog.RoleOperator))
	w.Must(err)
	if len(principals) != 4 || !slices.ContainsFunc(principals, func(p catalog.Principal) bool { return p.ID == bank.ID() && p.Role == catalog.RoleBuyer }) {
		t.Errorf("admitted are %+v", principals)
	}

	newcomer, fresh := w.ProposeNewcomer("Land Bank")
	b.click(".parts a", "Seats")
	b.text("It lacks the approval of Land Bank.")
	b.text("You have approved it.")
	b.sees("who comes and goes is there", "[...document.querySelectorAll('article table th[scope=row]')].map((e) => e.innerText).join() === 'bank,n3'")
	b.settled()
	b.look("roster-proposed")
	b.click(".parts a", "Backups")
	b.text(m.Name())
	b.settled()
	b.look("backups")
	b.click(".parts a", "Logs")
	b.text("All logs agree.")
	b.settled()
	b.look("logs")
	w.Must(w.Cluster.Rewrite(1, 1, []byte("another principal")))
	w.Must(w.Cluster.ForgetSigned(1))
	b.click("main button", "Look again")
	b.text("The logs contradict each other.")
	b.settled()
	b.look("fork")

	w.Lies(nil)
	buyer := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: t.TempDir(), Version: "test"})
	b.complaints()
	b.run("open the buyer's link", chromedp.Navigate(buyer.desk.Link()))
	b.click("header nav a", "Nodes")
	b.text("This desk's key is no operator's.")
	b.complaints()
	b.look("nodes-buyer")
	if _, err := os.Stat(filepath.Join(buyer.desk.options.Dir, "desk.monitor")); err == nil {
		t.Error("a desk whose person did not look at the logs keeps what was seen of them")
	}

	// The newcomer's operator compares the key, and approves: the seat is theirs.
	b.visitIn(visit(t, Options{Client: newcomer, Dir: t.TempDir(), Version: "test"}), "newcomer")
	b.show("#/roster")
	b.text("It lacks the approval of Land Bank.")
	b.text(founding.Fingerprint(fresh.Key))
	b.settled()
	b.look("roster-newcomer")
	b.click("article button", "Sign and approve")
	b.sees("the seat is the newcomer's", "document.querySelectorAll('article').length === 0 && document.querySelector('main table tbody tr:nth-child(3) th').innerText === 'bank'")
}
